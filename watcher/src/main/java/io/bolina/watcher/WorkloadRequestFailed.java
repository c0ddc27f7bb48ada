package io.bolina.watcher;

/** The workload could not be read or changed. The message is for an operator. */
public final class WorkloadRequestFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Kind kind;

  /** Why. */
  public enum Kind {
    /** Somebody else changed it: observe it again. */
    CONFLICT,
    /** A permission is missing. */
    FORBIDDEN,
    /** It does not exist. */
    NOT_FOUND,
    /** A disruption budget does not allow it. */
    BUDGET,
    /** There is no response, or one that says "later". */
    UNAVAILABLE,
    /** It was rejected for another reason. */
    REJECTED
  }

  public WorkloadRequestFailed(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
