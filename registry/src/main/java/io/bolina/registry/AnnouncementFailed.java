package io.bolina.registry;

/** The registry did not take an announcement. The message is for an operator. */
public final class AnnouncementFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public AnnouncementFailed(String message, Throwable cause) {
    super(message, cause);
  }
}
