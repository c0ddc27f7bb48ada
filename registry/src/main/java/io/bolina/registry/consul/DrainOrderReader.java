package io.bolina.registry.consul;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bolina.registry.model.DrainOrder;
import io.bolina.runtime.Warnings;
import java.io.IOException;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.HashMap;
import java.util.Map;

/**
 * Reads and writes the orders to drain of a service: {@code {"by": "ann", "since":
 * "2026-11-24T10:00:00Z", "reason": "disk swap"}}, each field optional. Further texts are the
 * order's notes.
 */
final class DrainOrderReader {
  private static final JsonMapper JSON = new JsonMapper();

  private final KeyPrefixReader<DrainOrder> entries;

  DrainOrderReader(String service, Warnings warnings) {
    this.entries =
        new KeyPrefixReader<>(
            service, "drain-order", prefix(service), (id, entry) -> parse(entry), warnings);
  }

  /** The key prefix under which the servers of a service are ordered to drain. */
  static String prefix(String service) {
    return "bolina/drain/" + service + "/";
  }

  Map<String, DrainOrder> read(JsonArrayReader answer) throws IOException {
    return entries.read(answer);
  }

  static String write(DrainOrder order) {
    ObjectNode entry = JSON.createObjectNode();
    order.notes().forEach(entry::put);
    entry
        .put("by", order.by())
        .put("since", order.since().toString())
        .put("reason", order.reason());
    return entry.toString();
  }

  /**
   * @throws IllegalArgumentException saying what is wrong with the entry
   */
  static DrainOrder parse(byte[] entry) {
    JsonNode json = KeyPrefixReader.object(entry, "{\"by\": \"ann\", \"reason\": \"disk swap\"}");
    Map<String, String> notes = new HashMap<>();
    json.properties()
        .forEach(
            field -> {
              if (!field.getKey().matches("by|since|reason") && field.getValue().isTextual()) {
                notes.put(field.getKey(), field.getValue().textValue());
              }
            });
    return new DrainOrder(
        json.path("by").asText(""),
        json.hasNonNull("since") ? instant(json.get("since").asText()) : Instant.EPOCH,
        json.path("reason").asText(""),
        notes);
  }

  private static Instant instant(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new IllegalArgumentException(
          "since is '" + text + "', not a time such as 2026-11-24T10:00:00Z", e);
    }
  }
}
