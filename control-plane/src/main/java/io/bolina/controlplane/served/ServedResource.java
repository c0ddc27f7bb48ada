package io.bolina.controlplane.served;

import com.google.common.hash.Hashing;
import com.google.protobuf.Any;
import com.google.protobuf.Message;
import java.util.Optional;

/**
 * One resource, packed once however many Envoys get it.
 *
 * @param name its name, unique in its type
 * @param version a hash of its bytes: the same content has the same version, whoever serves it
 * @param message the resource
 * @param packed the resource as it is sent
 * @param only the one edition that it is in; empty if it is in all
 */
public record ServedResource(
    String name, String version, Message message, Any packed, Optional<Edition> only) {

  /** A resource for every Envoy. */
  public static ServedResource of(String name, Message message) {
    return of(name, message, Optional.empty());
  }

  /** A resource for the Envoys of one edition. */
  public static ServedResource only(Edition edition, String name, Message message) {
    return of(name, message, Optional.of(edition));
  }

  private static ServedResource of(String name, Message message, Optional<Edition> only) {
    Any packed = Any.pack(message);
    String version =
        Hashing.sha256()
            .hashBytes(packed.getValue().asReadOnlyByteBuffer())
            .toString()
            .substring(0, 16);
    return new ServedResource(name, version, message, packed, only);
  }

  boolean isFor(Edition edition) {
    return only.isEmpty() || only.get() == edition;
  }

  public String typeUrl() {
    return packed.getTypeUrl();
  }
}
