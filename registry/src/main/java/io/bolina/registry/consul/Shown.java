package io.bolina.registry.consul;

/** What others wrote, as a log line or an error shows it: not endless, and with a UTF-8 form. */
final class Shown {
  private static final int MOST = 200;

  private Shown() {}

  static String of(String text) {
    String shown = text.length() > MOST ? text.substring(0, MOST) + "…" : text;
    return isWellFormed(shown)
        ? shown
        : shown
            .codePoints()
            .map(c -> Character.getType(c) == Character.SURROGATE ? 0xFFFD : c)
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString();
  }

  /** Whether it has no half of a surrogate pair, which has no UTF-8 form. */
  static boolean isWellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean pair =
            Character.isHighSurrogate(c)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (!pair) {
          return false;
        }
        i++;
      }
    }
    return true;
  }
}
