package io.bolina.controlplane.served;

import com.google.protobuf.Descriptors.Descriptor;
import java.util.Set;

/** Something that is served under a name that is unique in its type. */
public sealed interface ServedItem permits ServedResource, ServedCollection {
  String typeUrl();

  String name();

  /** The kinds of Envoys that it is for. */
  Set<Edition> editions();

  /** The URL of a type, as {@link com.google.protobuf.Any} has it. */
  static String typeUrl(Descriptor type) {
    return "type.googleapis.com/" + type.getFullName();
  }
}
