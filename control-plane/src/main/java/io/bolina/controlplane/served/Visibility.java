package io.bolina.controlplane.served;

/** What of all that is served a client is to know of. Those that include the same are equal. */
public interface Visibility {
  /** Everything. */
  Visibility ALL = resource -> true;

  /** Whether a resource of this name, of whatever type, is to be known. */
  boolean includes(String resource);
}
