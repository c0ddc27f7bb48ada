package io.bolina.registry.consul;

/**
 * An entry of an answer that cannot be used. It says nothing of the others. The message is for an
 * operator, and completes "ignored, since".
 */
final class BadEntry extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  BadEntry(String message) {
    super(message);
  }

  BadEntry(String message, Throwable cause) {
    super(message, cause);
  }
}
