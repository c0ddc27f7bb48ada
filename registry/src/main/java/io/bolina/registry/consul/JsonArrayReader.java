package io.bolina.registry.consul;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.Arrays;
import java.util.Optional;

/**
 * Reads an answer of Consul's, which is a JSON array, while it arrives. Whatever shape an entry
 * has, it is read to its end and the next one is found: what is not asked for is skipped, and what
 * is not of the expected type reads as nothing.
 *
 * <p>Consul answers with the whole list whenever one entry changes. So the previous answer is
 * cached, and an entry that is the same, byte for byte, is not parsed again: the caller finds what
 * it parsed from it.
 */
public final class JsonArrayReader {
  private static final JsonFactory JSON = new JsonFactory();

  /**
   * How many entries may have changed or gone in a row for the next one to be found all the same.
   */
  private static final int WINDOW = 16;

  /** An answer of so many bytes is not worth saving memory for. */
  private static final int SMALL = 256 * 1024;

  private final InputStream in;
  private final Cache cache;
  private final IndexedAnswer past;
  private final IndexedAnswer present;
  private int limit;
  private int position;
  private int start;
  private int end;
  private int expected;
  private int missed;
  private Object cached;
  private JsonParser json;

  /** What was parsed from the previous answer. One for each query that is repeated. */
  public static final class Cache {
    private IndexedAnswer last = new IndexedAnswer();
    private IndexedAnswer spare = new IndexedAnswer();
  }

  /** The bytes of an answer, where its entries are, and what was parsed from each. */
  private static final class IndexedAnswer {
    private byte[] bytes = new byte[16 * 1024];
    private int[] starts = new int[64];
    private int[] ends = new int[64];
    private Object[] parsed = new Object[64];
    private int count;

    private void add(int start, int end, Object value) {
      if (count == starts.length) {
        starts = Arrays.copyOf(starts, 2 * count);
        ends = Arrays.copyOf(ends, 2 * count);
        parsed = Arrays.copyOf(parsed, 2 * count);
      }
      starts[count] = start;
      ends[count] = end;
      parsed[count] = value;
      count++;
    }

    /** Empties it, and gives back memory that a much larger answer took. */
    private IndexedAnswer emptied(IndexedAnswer like) {
      Arrays.fill(parsed, 0, count, null);
      count = 0;
      return bytes.length > 4 * like.bytes.length ? new IndexedAnswer() : this;
    }

    /** Gives back what it took in advance, all but a little. */
    private void trim(int length) {
      if (bytes.length > SMALL && bytes.length > length + length / 16) {
        bytes = Arrays.copyOf(bytes, length + length / 64);
      }
    }
  }

  /**
   * @throws ConsulFault if it is not a list
   * @throws IOException if it is not JSON, or cannot be received
   */
  public JsonArrayReader(InputStream in) throws IOException {
    this(in, new Cache());
  }

  /**
   * The same with a cache of the previous answer.
   *
   * @throws ConsulFault if it is not a list
   * @throws IOException if it is not JSON, or cannot be received
   */
  public JsonArrayReader(InputStream in, Cache cache) throws IOException {
    this.in = in;
    this.cache = cache;
    this.past = cache.last;
    this.present = cache.spare.emptied(past);
    cache.spare = present;
    if (skipBlanks() != '[') {
      throw notAnArray();
    }
    position++;
  }

  private IOException notAnArray() throws IOException {
    InputStream all =
        new SequenceInputStream(new ByteArrayInputStream(present.bytes, 0, limit), in);
    try (JsonParser parser = JSON.createParser(all)) {
      if (parser.nextToken() == null) {
        return new IOException("the answer is empty");
      }
    }
    throw new ConsulFault("the answer is not a JSON array; is this Consul, or a proxy?");
  }

  /** Reads one field or item, at which the entries stand. */
  @FunctionalInterface
  interface FieldReader {
    void read(String field) throws IOException;
  }

  /** Goes to the next entry; false if there is none. */
  boolean next() throws IOException {
    json = null;
    int next = skipBlanks();
    if (next == ']') {
      present.trim(limit);
      cache.spare = past;
      cache.last = present;
      return false;
    }
    if (present.count > 0) {
      if (next != ',') {
        throw new JsonParseException(null, "there is no comma between two entries");
      }
      position++;
      skipBlanks();
    }
    start = position;
    int same = indexOfSame();
    cached = same < 0 ? null : past.parsed[same];
    end = same < 0 ? endOfValue() : start + past.ends[same] - past.starts[same];
    if (end == start) {
      throw new JsonParseException(null, "an entry is missing");
    }
    position = end;
    present.add(start, end, cached);
    return true;
  }

  /** Entries so far. */
  int count() {
    return present.count;
  }

  /** What was parsed from this entry, if the previous answer had the very same. */
  <T> Optional<T> cached(Class<T> type) {
    return Optional.ofNullable(cached).map(type::cast);
  }

  /** Keeps what was parsed from this entry. */
  void cache(Object value) {
    present.parsed[present.count - 1] = value;
  }

  /**
   * Looks for this entry in the previous answer: where it is expected, or a little further on if
   * others are gone.
   */
  private int indexOfSame() throws IOException {
    int last = Math.min(expected + missed + 1, past.count - 1);
    for (int i = expected; i <= last; i++) {
      int length = past.ends[i] - past.starts[i];
      if (has(start + length + 1)
          && isAfterValue(present.bytes[start + length])
          && Arrays.equals(
              present.bytes, start, start + length, past.bytes, past.starts[i], past.ends[i])) {
        expected = i + 1;
        missed = 0;
        return i;
      }
    }
    if (missed < WINDOW) {
      missed++;
    } else {
      expected++;
    }
    return -1;
  }

  private static boolean isAfterValue(byte b) {
    return b == ',' || b == ']' || isBlank(b);
  }

  private static boolean isBlank(byte b) {
    return b == ' ' || b == '\n' || b == '\r' || b == '\t';
  }

  /** The next byte that is no blank, at which the position is then. */
  private int skipBlanks() throws IOException {
    while (has(position + 1)) {
      if (!isBlank(present.bytes[position])) {
        return present.bytes[position];
      }
      position++;
    }
    if (limit == 0) {
      return -1;
    }
    throw truncated();
  }

  /** Where the value at the start ends. Whether it is valid JSON is for the parser to say. */
  private int endOfValue() throws IOException {
    int depth = 0;
    for (int i = start; has(i + 1); i++) {
      switch (present.bytes[i]) {
        case '"' -> i = endOfText(i + 1);
        case '{', '[' -> depth++;
        case '}', ']' -> {
          depth--;
          if (depth <= 0) {
            return depth < 0 ? i : i + 1;
          }
        }
        case ',', ' ', '\n', '\r', '\t' -> {
          if (depth == 0) {
            return i;
          }
        }
        default -> {}
      }
    }
    throw truncated();
  }

  /** Where the quotation mark is that ends a text. */
  private int endOfText(int from) throws IOException {
    int i = from;
    while (has(i + 1)) {
      byte b = present.bytes[i];
      if (b == '"') {
        return i;
      }
      i += b == '\\' ? 2 : 1;
    }
    throw truncated();
  }

  private static IOException truncated() {
    return new IOException("the answer ends in the middle");
  }

  /** Whether there are so many bytes; receives more if need be. */
  private boolean has(int length) throws IOException {
    while (limit < length) {
      if (limit == present.bytes.length) {
        present.bytes = Arrays.copyOf(present.bytes, Math.max(2 * limit, past.bytes.length));
      }
      int more = in.read(present.bytes, limit, present.bytes.length - limit);
      if (more < 0) {
        return false;
      }
      limit += more;
    }
    return true;
  }

  private JsonParser json() throws IOException {
    if (json == null) {
      json = JSON.createParser(present.bytes, start, end - start);
      json.nextToken();
    }
    return json;
  }

  /** Reads each field of the object here; skips what is no object. */
  void fields(FieldReader step) throws IOException {
    JsonParser parser = json();
    if (parser.currentToken() == JsonToken.START_OBJECT) {
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        step.read(name);
        parser.skipChildren();
      }
    } else {
      parser.skipChildren();
    }
  }

  /** Reads each item of the list here; skips what is no list. */
  void items(FieldReader step) throws IOException {
    JsonParser parser = json();
    if (parser.currentToken() == JsonToken.START_ARRAY) {
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        step.read("");
        parser.skipChildren();
      }
    } else {
      parser.skipChildren();
    }
  }

  /** The text, number or truth value here; empty for anything else. */
  String text() throws IOException {
    String text = json().getValueAsString();
    return text == null ? "" : text;
  }

  /** The whole number here; 0 for anything else. */
  int number() throws IOException {
    return json().getValueAsInt(0);
  }

  /** A whole number; 0 if the value is none. */
  long longNumber() throws IOException {
    return json().getValueAsLong(0);
  }
}
