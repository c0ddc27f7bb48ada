package io.bolina.registry.consul;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.bolina.runtime.setting.SettingMap;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Optional;

/**
 * Reads an answer of Consul's, which is a JSON array, while it arrives. Whatever an entry holds,
 * its end and the next one are found ({@link JsonScanner}), and it is parsed by itself: one that is
 * too deep or too large, has numbers out of range, a field twice, bytes that are no text, or a
 * value of another type than is asked for is a {@link BadEntry}, and nothing else is. An answer
 * whose entries cannot be told apart is none at all.
 *
 * <p>Consul answers with the whole list whenever one entry changes. So the previous answer is
 * cached, and an entry that is the same, byte for byte, is not parsed again: the caller finds what
 * it parsed from it.
 */
public final class JsonArrayReader {
  /**
   * The largest entry that is read, in bytes: the largest value that Consul's keys have by default
   * (512 KiB, a third more in Base64), and some more than that.
   */
  static final int LARGEST_ENTRY = 1024 * 1024;

  /** How deep an entry may be: some ten times what Consul's own tools register. */
  static final int DEEPEST_ENTRY = 100;

  /** So much of an entry that is too large is kept, to see whose it is. */
  private static final int KEPT = 64 * 1024;

  /** So much of entries that are too large is passed over: some seconds of unpacking. */
  private static final long MOST_PASSED_OVER = 256L * 1024 * 1024;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxNestingDepth(DEEPEST_ENTRY).build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  /**
   * How many entries may have changed or gone in a row for the next one to be found all the same.
   */
  private static final int WINDOW = 16;

  /** An answer of so many bytes is not worth saving memory for. */
  private static final int SMALL = 256 * 1024;

  private final InputStream in;
  private final AnswerLimits limits;
  private final boolean named;
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
  private String name = "";
  private boolean tooLarge;
  private long received;
  private long passedOver;
  private final JsonScanner scanner = new JsonScanner();

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
    this(in, AnswerLimits.of(SettingMap.DEFAULTS), new Cache());
  }

  /**
   * The same with a cache of the previous answer.
   *
   * @throws ConsulFault if it is not a list, or has more than it may
   * @throws IOException if it is not JSON, or cannot be received
   */
  public JsonArrayReader(InputStream in, AnswerLimits limits, Cache cache) throws IOException {
    this(in, limits, cache, false);
  }

  /** One of an answer that is a JSON object, whose values are the entries. */
  static JsonArrayReader ofMap(InputStream in, AnswerLimits limits) throws IOException {
    return new JsonArrayReader(in, limits, new Cache(), true);
  }

  private JsonArrayReader(InputStream in, AnswerLimits limits, Cache cache, boolean named)
      throws IOException {
    this.in = in;
    this.named = named;
    this.limits = limits;
    this.cache = cache;
    this.past = cache.last;
    this.present = cache.spare.emptied(past);
    cache.spare = present;
    int first = skipBlanks();
    if (first != (named ? '{' : '[')) {
      throw unexpected(first);
    }
    position++;
  }

  private IOException unexpected(int first) {
    if (first < 0) {
      return new IOException("the answer is empty");
    }
    if ("{[\"-0123456789tfn".indexOf(first) < 0) {
      return new JsonParseException(null, "it begins with the byte " + first);
    }
    throw new ConsulFault(
        "the answer is not a JSON "
            + (named ? "object" : "array")
            + "; is this Consul, or a proxy?");
  }

  /** Reads one field or item, at which the entries stand. */
  @FunctionalInterface
  interface FieldReader {
    void read(String field) throws IOException;
  }

  /**
   * Goes to the next entry; false if there is none.
   *
   * @throws IOException if the answer ends before its last entry, or it cannot be told where one
   *     ends
   */
  boolean next() throws IOException {
    json = null;
    tooLarge = false;
    int next = skipBlanks();
    if (next == (named ? '}' : ']')) {
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
    if (present.count == limits.entries()) {
      throw limits.tooManyEntries();
    }
    if (named) {
      readName();
    }
    start = position;
    int same = indexOfSame();
    cached = same < 0 ? null : past.parsed[same];
    end = same < 0 ? endOfValue() : start + past.ends[same] - past.starts[same];
    if (end == start) {
      throw new JsonParseException(null, "an entry is missing");
    }
    position = end;
    // One that is too large is never the same as another: it is not kept whole.
    present.add(start, tooLarge ? start : end, cached);
    return true;
  }

  private void readName() throws IOException {
    start = position;
    position = endOfValue();
    name = JsonScanner.find(present.bytes, start, position).orElse("");
    if (present.bytes[start] != '"' || skipBlanks() != ':') {
      throw new JsonParseException(null, "an entry has no name");
    }
    position++;
    skipBlanks();
  }

  /** The entry's name, if the entries have some. */
  String name() {
    return name;
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
          && length > 0
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
    return b == ',' || b == ']' || JsonScanner.isBlank(b);
  }

  /** The next byte that is no blank, at which the position is then. Blanks are not kept. */
  private int skipBlanks() throws IOException {
    int from = position;
    while (true) {
      if (position == limit) {
        position = from;
        limit = from;
      }
      if (!has(position + 1)) {
        if (limit == 0) {
          return -1;
        }
        throw truncated();
      }
      if (!JsonScanner.isBlank(present.bytes[position])) {
        return present.bytes[position] & 0xff;
      }
      position++;
    }
  }

  /** Where the value at the start ends. Whether it is valid JSON is for the parser to say. */
  private int endOfValue() throws IOException {
    scanner.begin();
    for (int i = start; has(i + 1); i++) {
      JsonScanner.Place place = scanner.next(present.bytes[i]);
      if (place != JsonScanner.Place.WITHIN) {
        int after = place == JsonScanner.Place.LAST ? i + 1 : i;
        tooLarge |= after - start > LARGEST_ENTRY;
        return after;
      }
      if (i + 1 == limit && i - start >= LARGEST_ENTRY) {
        tooLarge = true;
        passedOver += limit - start - KEPT;
        if (passedOver > MOST_PASSED_OVER) {
          throw limits.tooManyBytes();
        }
        limit = start + KEPT;
        i = limit - 1;
      }
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
        // Twice as much, but not much more than there may be.
        int larger = Math.max(Math.min(2 * limit, limits.bytes()), limit) + 16 * 1024;
        present.bytes = Arrays.copyOf(present.bytes, Math.max(larger, past.bytes.length));
      }
      int more = in.read(present.bytes, limit, present.bytes.length - limit);
      if (more < 0) {
        return false;
      }
      limit += more;
      received += more;
      if (received - passedOver > limits.bytes()) {
        throw limits.tooManyBytes();
      }
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

  /**
   * Reads the entry, an object, field by field.
   *
   * @throws BadEntry if it cannot be read, for whatever reason
   */
  void entry(FieldReader step) {
    if (tooLarge) {
      throw new BadEntry("it has more than " + LARGEST_ENTRY + " bytes");
    }
    try {
      if (json().currentToken() != JsonToken.START_OBJECT) {
        throw new BadEntry("it is not a JSON object");
      }
      fields(step);
      if (json.nextToken() != null) {
        throw new BadEntry("something follows the JSON object");
      }
    } catch (BadEntry e) {
      throw e;
    } catch (JsonProcessingException e) {
      throw new BadEntry("it cannot be read: " + firstLine(e.getOriginalMessage()), e);
    } catch (IOException | RuntimeException e) {
      throw new BadEntry("it cannot be read: " + e, e);
    }
  }

  private static String firstLine(String text) {
    return text == null ? "no details" : text.lines().findFirst().orElse("");
  }

  /**
   * A text in the entry, which need not be good for anything else; empty if it has none there.
   *
   * @param path the fields that lead to it
   */
  String textIn(String... path) {
    return JsonScanner.find(present.bytes, start, Math.min(end, limit), path).orElse("");
  }

  /**
   * Reads each field of the object here; null is one without fields.
   *
   * @throws BadEntry if it is anything else
   */
  void fields(FieldReader step) throws IOException {
    JsonParser parser = json();
    if (parser.currentToken() == JsonToken.START_OBJECT) {
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = wellFormed(parser.currentName());
        parser.nextToken();
        step.read(name);
        parser.skipChildren();
      }
    } else if (parser.currentToken() != JsonToken.VALUE_NULL) {
      throw not("an object");
    }
  }

  /**
   * Reads each item of the list here; null is one without items.
   *
   * @throws BadEntry if it is anything else
   */
  void items(FieldReader step) throws IOException {
    JsonParser parser = json();
    if (parser.currentToken() == JsonToken.START_ARRAY) {
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        step.read("");
        parser.skipChildren();
      }
    } else if (parser.currentToken() != JsonToken.VALUE_NULL) {
      throw not("a list");
    }
  }

  /**
   * The text here; null is an empty one.
   *
   * @throws BadEntry if it is anything else
   */
  String text() throws IOException {
    JsonParser parser = json();
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return "";
    }
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw not("a text");
    }
    return wellFormed(parser.getText());
  }

  /**
   * The whole number here; null is 0.
   *
   * @throws BadEntry if it is anything else
   * @throws JsonProcessingException if it is out of range
   */
  int number() throws IOException {
    return isNumber() ? json().getIntValue() : 0;
  }

  /**
   * The same with a larger range.
   *
   * @throws BadEntry if it is anything else
   * @throws JsonProcessingException if it is out of range
   */
  long longNumber() throws IOException {
    return isNumber() ? json().getLongValue() : 0;
  }

  private boolean isNumber() throws IOException {
    JsonToken here = json().currentToken();
    if (here != JsonToken.VALUE_NUMBER_INT && here != JsonToken.VALUE_NULL) {
      throw not("a whole number");
    }
    return here == JsonToken.VALUE_NUMBER_INT;
  }

  private BadEntry not(String what) throws IOException {
    String name = json().currentName();
    return new BadEntry((name == null ? "a value" : name) + " is not " + what);
  }

  private static String wellFormed(String text) {
    if (!Shown.isWellFormed(text)) {
      throw new BadEntry("it has half of a surrogate pair in a text");
    }
    return text;
  }
}
