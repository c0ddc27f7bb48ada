package io.bolina.runtime.log;

import ch.qos.logback.classic.pattern.ClassicConverter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import io.bolina.runtime.Printable;
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

  static String quoted(String text) {
    String value = Printable.cut(text);
    boolean plain =
        !value.isEmpty()
            && value
                .codePoints()
                .allMatch(c -> c > ' ' && "\"=\\".indexOf(c) < 0 && Printable.isPlain(c));
    if (plain) {
      return value;
    }
    StringBuilder quoted = new StringBuilder("\"");
    value
        .codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                default -> {
                  if (Printable.isPlain(c)) {
                    quoted.appendCodePoint(c);
                  } else {
                    quoted.append(Printable.escape(c));
                  }
                }
              }
            });
    return quoted.append('"').toString();
  }
}
