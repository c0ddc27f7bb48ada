package io.bolina.runtime;

/**
 * Text of anybody's, made fit to be shown: nothing in it ends a line, paints a terminal, turns the
 * direction of writing or is not seen; and it has an end.
 */
public final class Printable {
  /** Longer text is cut. */
  public static final int LONGEST = 2_000;

  private Printable() {}

  /** The text with such characters as {@code \\u001b}, cut with a note of how much is missing. */
  public static String text(String text) {
    return escaped(cut(text));
  }

  /** The text, cut if it is long. */
  public static String cut(String text) {
    if (text.length() <= LONGEST) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(LONGEST - 1)) ? LONGEST - 1 : LONGEST;
    return text.substring(0, end) + "… (" + (text.length() - end) + " more)";
  }

  private static String escaped(String text) {
    if (text.codePoints().allMatch(Printable::isPlain)) {
      return text;
    }
    StringBuilder shown = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              if (isPlain(c)) {
                shown.appendCodePoint(c);
              } else {
                shown.append(escape(c));
              }
            });
    return shown.toString();
  }

  /** How a character that is not plain is written. */
  public static String escape(int codePoint) {
    StringBuilder escaped = new StringBuilder();
    for (char c : Character.toChars(codePoint)) {
      escaped.append("\\u%04x".formatted((int) c));
    }
    return escaped.toString();
  }

  /** Whether a character may be shown as it is. */
  public static boolean isPlain(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }
}
