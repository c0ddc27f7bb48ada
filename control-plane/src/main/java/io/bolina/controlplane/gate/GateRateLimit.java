package io.bolina.controlplane.gate;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * So much in the long run, and so much at once; written {@code 10/s}, {@code 30/m} or {@code 10/s
 * burst 50}.
 *
 * @param perSecond above 0, up to 1e9
 * @param burst 1 or more; twice what a second allows if it is not given
 */
public record GateRateLimit(double perSecond, int burst) {
  private static final Pattern WRITTEN =
      Pattern.compile("(\\d{1,10}(?:\\.\\d{1,6})?)/([sm])(?:\\s+burst\\s+(\\d{1,9}))?");

  public GateRateLimit {
    GateRules.require(perSecond > 0 && perSecond <= 1e9, "the rate is not above 0 and up to 1e9/s");
    GateRules.require(burst >= 1, "the burst is less than 1");
  }

  /**
   * Reads a limit.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static GateRateLimit parse(String text) {
    Matcher matcher = WRITTEN.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a limit such as 10/s, 30/m or 10/s burst 50");
    }
    double perSecond =
        Double.parseDouble(matcher.group(1)) / (matcher.group(2).equals("m") ? 60 : 1);
    return new GateRateLimit(
        perSecond,
        matcher.group(3) == null
            ? (int) Math.max(1, Math.min(Math.ceil(2 * perSecond), 1_000_000_000))
            : Integer.parseInt(matcher.group(3)));
  }
}
