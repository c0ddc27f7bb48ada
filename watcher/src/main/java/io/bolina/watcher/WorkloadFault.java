package io.bolina.watcher;

/** The workload could not be seen or changed. The message is for an operator. */
public final class WorkloadFault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Kind kind;

  /** What went wrong, for a metric. */
  public enum Kind {
    /** Somebody changed it meanwhile: look again. */
    CONFLICT,
    /** A right is missing. */
    FORBIDDEN,
    /** It is not there. */
    NOT_FOUND,
    /** A disruption budget does not allow it. */
    BUDGET,
    /** There is no answer, or one that says "later". */
    UNAVAILABLE,
    /** It was refused for another reason. */
    REFUSED
  }

  public WorkloadFault(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
