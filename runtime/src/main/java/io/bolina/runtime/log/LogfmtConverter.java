package io.bolina.runtime.log;

import ch.qos.logback.classic.pattern.ClassicConverter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import java.util.List;
import org.slf4j.event.KeyValuePair;

/**
 * {@code %logfmt}: an event's keys and values as {@code key=value}, quoted where needed. Control
 * characters are escaped, so that what a peer sent can neither break a line nor paint the terminal.
 */
public final class LogfmtConverter extends ClassicConverter {
  @Override
  public String convert(ILoggingEvent event) {
    List<KeyValuePair> pairs = event.getKeyValuePairs();
    if (pairs == null) {
      return "";
    }
    StringBuilder text = new StringBuilder();
    for (KeyValuePair pair : pairs) {
      text.append(' ').append(pair.key).append('=').append(quoted(String.valueOf(pair.value)));
    }
    return text.toString();
  }

  static String quoted(String value) {
    boolean plain = !value.isEmpty();
    for (int i = 0; i < value.length() && plain; i++) {
      char c = value.charAt(i);
      plain = c > ' ' && c != '"' && c != '=' && c != '\\' && !isEscaped(c);
    }
    if (plain) {
      return value;
    }
    StringBuilder text = new StringBuilder("\"");
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"' -> text.append("\\\"");
        case '\\' -> text.append("\\\\");
        case '\n' -> text.append("\\n");
        case '\r' -> text.append("\\r");
        case '\t' -> text.append("\\t");
        default -> text.append(isEscaped(c) ? "\\u%04x".formatted((int) c) : String.valueOf(c));
      }
    }
    return text.append('"').toString();
  }

  /** Also what changes the direction or the place of what follows, and ends of lines. */
  private static boolean isEscaped(char c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          true;
      default -> false;
    };
  }
}
