package io.bolina.registry.consul;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.runtime.Warnings;
import java.io.IOException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Reads what a service has under a key prefix, most often one entry a server: a bad one is left out
 * and named.
 *
 * @param kind the warning's kind
 * @param prefix ends with a slash; what follows it is most often a server's id
 * @param parser parses an entry
 */
record KeyPrefixReader<T>(
    String service, String kind, String prefix, Parser<T> parser, Warnings warnings) {

  /** The largest entry that is read, in bytes. */
  static final int LARGEST = 4096;

  /** The most fields that one may have: what is made of a field is larger than the field. */
  static final int MOST_FIELDS = 100;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** Parses an entry. */
  @FunctionalInterface
  interface Parser<T> {
    /**
     * Parses one.
     *
     * @param id what follows the prefix in its key
     * @throws IllegalArgumentException saying what is wrong with the entry
     */
    T parse(String id, byte[] entry);
  }

  /**
   * Reads an entry that is to be a JSON object.
   *
   * @param example such an object
   * @throws IllegalArgumentException saying what is wrong with the entry
   */
  static JsonNode object(byte[] entry, String example) {
    if (entry.length > LARGEST) {
      throw new IllegalArgumentException("it has " + entry.length + " bytes, more than " + LARGEST);
    }
    JsonNode json;
    try {
      json = JSON.readTree(entry);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("it is not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException | StackOverflowError e) {
      throw new IllegalArgumentException("it is not JSON", e);
    }
    if (!json.isObject()) {
      throw new IllegalArgumentException("it is not a JSON object such as " + example);
    }
    if (json.size() > MOST_FIELDS) {
      throw new IllegalArgumentException("it has more than " + MOST_FIELDS + " fields");
    }
    json.properties()
        .forEach(
            field -> {
              if (!Shown.isWellFormed(field.getKey())
                  || !Shown.isWellFormed(field.getValue().asText(""))) {
                throw new IllegalArgumentException("it has half of a surrogate pair in a text");
              }
            });
    return json;
  }

  @SuppressWarnings("unchecked") // what these entries remember is what this parser made
  Map<String, T> read(JsonArrayReader entries) throws IOException {
    Map<String, T> read = new HashMap<>();
    while (entries.next()) {
      Optional<ParsedEntry> known = entries.cached(ParsedEntry.class);
      if (known.isPresent()) {
        read.put(known.get().id(), (T) known.get().parsed());
        continue;
      }
      EntryFields entry = new EntryFields();
      try {
        entries.entry(field -> entry.read(field, entries));
        String id = id(entry.key);
        if (id.isEmpty()) {
          continue; // the folder itself, as Consul's UI makes it
        }
        T parsed = parser.parse(id, Base64.getDecoder().decode(entry.value));
        read.put(id, parsed);
        entries.cache(new ParsedEntry(id, parsed));
      } catch (RuntimeException e) { // whatever it is, it is this entry's
        String key = entries.textIn("Key");
        warnings
            .warn(kind, service + "/" + Shown.of(id(key)))
            .addKeyValue("service", service)
            .addKeyValue("key", Shown.of(key))
            .addKeyValue("reason", Shown.of(String.valueOf(e.getMessage())))
            .log("entry ignored");
      }
    }
    return read;
  }

  private String id(String key) {
    return key.startsWith(prefix) ? key.substring(prefix.length()) : "";
  }

  /** What was made of an entry. */
  private record ParsedEntry(String id, Object parsed) {}

  /** One entry as far as it has been read. */
  private static final class EntryFields {
    private String key = "";
    private String value = "";

    private void read(String field, JsonArrayReader in) throws IOException {
      switch (field) {
        case "Key" -> key = in.text();
        case "Value" -> value = in.text();
        default -> {}
      }
    }
  }
}
