package io.bolina.registry.consul;

/**
 * An answer of Consul's that must not be trusted, or none at all. The message is for an operator.
 */
class ConsulFault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ConsulFault(String message) {
    super(message);
  }

  ConsulFault(String message, Throwable cause) {
    super(message, cause);
  }
}
