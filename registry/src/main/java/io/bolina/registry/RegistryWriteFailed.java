package io.bolina.registry;

/** The registry did not accept a write. The message is for an operator. */
public final class RegistryWriteFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public RegistryWriteFailed(String message, Throwable cause) {
    super(message, cause);
  }
}
