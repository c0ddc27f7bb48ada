package io.bolina.runtime.setting;

import java.util.List;

/** Everything that is wrong with a configuration. */
public final class InvalidSettings extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<String> errors;

  public InvalidSettings(List<String> errors) {
    super(String.join("; ", errors));
    this.errors = List.copyOf(errors);
  }

  /** A line for each error: where it is, what is wrong and what to do. */
  public List<String> errors() {
    return errors;
  }
}
