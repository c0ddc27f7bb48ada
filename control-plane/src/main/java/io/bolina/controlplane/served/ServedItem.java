package io.bolina.controlplane.served;

/** Something that is served under a name that is unique in its type. */
public sealed interface ServedItem permits ServedResource, ServedCollection {
  String typeUrl();

  String name();
}
