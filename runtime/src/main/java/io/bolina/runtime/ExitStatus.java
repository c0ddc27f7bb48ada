package io.bolina.runtime;

/** What a command's exit status means. */
public final class ExitStatus {
  /** It succeeded. */
  public static final int OK = 0;

  /** It failed. */
  public static final int FAILED = 1;

  /** The command line or the configuration is invalid. */
  public static final int USAGE = 2;

  private ExitStatus() {}
}
