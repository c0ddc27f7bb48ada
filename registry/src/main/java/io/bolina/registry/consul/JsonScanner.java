package io.bolina.registry.consul;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.BitSet;
import java.util.Optional;

/**
 * Finds where a JSON value ends, byte by byte, whatever it holds: it looks at brackets, quotation
 * marks and backslashes alone. Depth costs it a bit a level, and what no parser would read (numbers
 * without end, bytes that are no UTF-8) does not matter to it.
 */
final class JsonScanner {
  /** Brackets that may be open at once; more is not worth the memory. */
  private static final int MOST_OPEN = 1 << 26;

  private static final JsonFactory JSON = new JsonFactory();

  /** Which of the open brackets are braces. */
  private final BitSet braces = new BitSet();

  private int open;
  private boolean inText;
  private boolean escaped;

  /** What a byte is to the value. */
  enum Place {
    WITHIN,
    LAST,
    /** It ends before. */
    AFTER
  }

  /** A value begins with the next byte. */
  void begin() {
    open = 0;
    inText = false;
    escaped = false;
  }

  /**
   * Takes the next byte.
   *
   * @throws JsonParseException if no end can be told: brackets that do not match
   */
  Place next(byte b) throws JsonParseException {
    if (inText) {
      if (escaped) {
        escaped = false;
      } else if (b == '\\') {
        escaped = true;
      } else if (b == '"') {
        inText = false;
        return open == 0 ? Place.LAST : Place.WITHIN;
      }
      return Place.WITHIN;
    }
    return switch (b) {
      case '"' -> {
        inText = true;
        yield Place.WITHIN;
      }
      case '{', '[' -> {
        if (open == MOST_OPEN) {
          throw new JsonParseException(null, "more than " + MOST_OPEN + " brackets are open");
        }
        braces.set(open++, b == '{');
        yield Place.WITHIN;
      }
      case '}', ']' -> {
        if (open == 0) {
          yield Place.AFTER;
        }
        if (braces.get(--open) != (b == '}')) {
          throw new JsonParseException(null, "a bracket is closed by one of the other kind");
        }
        yield open == 0 ? Place.LAST : Place.WITHIN;
      }
      case ',', ' ', '\n', '\r', '\t' -> open == 0 ? Place.AFTER : Place.WITHIN;
      default -> Place.WITHIN;
    };
  }

  /**
   * Looks for a text in an object that may be good for nothing else, or be cut off.
   *
   * @param from where the object begins
   * @param to where it ends at the latest
   * @param path the fields that lead to the text
   */
  static Optional<String> find(byte[] bytes, int from, int to, String... path) {
    try {
      int at = from;
      int end = to;
      for (int step = 0; step < path.length; step++) {
        at = valueOf(path[step], bytes, at, end);
        if (at < 0) {
          return Optional.empty();
        }
        end = end(bytes, at, end);
      }
      return text(bytes, at, end);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Where the value of a field of the object here begins; -1 if there is no such field. */
  private static int valueOf(String field, byte[] bytes, int from, int to) throws IOException {
    int at = skipBlanks(bytes, from, to);
    if (at >= to || bytes[at] != '{') {
      return -1;
    }
    while (true) {
      int name = skipBlanks(bytes, at + 1, to);
      if (name >= to || bytes[name] != '"') {
        return -1;
      }
      int nameEnd = end(bytes, name, to);
      int colon = skipBlanks(bytes, nameEnd, to);
      if (colon >= to || bytes[colon] != ':') {
        return -1;
      }
      int value = skipBlanks(bytes, colon + 1, to);
      if (text(bytes, name, nameEnd).filter(field::equals).isPresent()) {
        return value;
      }
      at = skipBlanks(bytes, end(bytes, value, to), to);
      if (at >= to || bytes[at] != ',') {
        return -1;
      }
    }
  }

  private static int end(byte[] bytes, int from, int to) throws JsonParseException {
    JsonScanner scanner = new JsonScanner();
    for (int i = from; i < to; i++) {
      Place place = scanner.next(bytes[i]);
      if (place != Place.WITHIN) {
        return place == Place.LAST ? i + 1 : i;
      }
    }
    return to;
  }

  private static Optional<String> text(byte[] bytes, int from, int to) throws IOException {
    try (JsonParser parser = JSON.createParser(bytes, from, Math.max(to - from, 0))) {
      return parser.nextToken() == JsonToken.VALUE_STRING
          ? Optional.of(parser.getText())
          : Optional.empty();
    }
  }

  private static int skipBlanks(byte[] bytes, int from, int to) {
    int i = from;
    while (i < to && isBlank(bytes[i])) {
      i++;
    }
    return i;
  }

  static boolean isBlank(byte b) {
    return b == ' ' || b == '\n' || b == '\r' || b == '\t';
  }
}
