package io.bolina.controlplane.config;

import java.util.List;

/** Everything that is wrong with a configuration. */
public final class InvalidConfig extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<String> errors;

  InvalidConfig(List<String> errors) {
    super(String.join("; ", errors));
    this.errors = List.copyOf(errors);
  }

  /** One line for each error: where it is, and what is wrong. */
  public List<String> errors() {
    return errors;
  }
}
