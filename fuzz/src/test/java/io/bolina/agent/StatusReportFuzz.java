package io.bolina.agent;

import java.nio.charset.StandardCharsets;

/** What a server says of itself: a report that can be used, or an error in words. */
public final class StatusReportFuzz {
  private StatusReportFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = new String(data, StandardCharsets.UTF_8);
    try {
      StatusReport report = StatusReport.parse(text);
      requirePlain(report.note());
    } catch (IllegalArgumentException e) {
      // said in words
    }
    try {
      requirePlain(StatusReport.goodbyeReason(text));
    } catch (IllegalArgumentException e) {
      // said in words
    }
  }

  private static void requirePlain(String note) {
    if (note.chars().anyMatch(Character::isISOControl)) {
      throw new IllegalStateException("a control character in a note");
    }
  }
}
