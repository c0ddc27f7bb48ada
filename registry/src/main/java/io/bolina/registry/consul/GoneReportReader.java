package io.bolina.registry.consul;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.GoneReport;
import io.bolina.runtime.Warnings;
import java.io.IOException;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Map;

/**
 * Reads and writes what is said of servers that have ended: {@code {"address": "10.0.0.7:7001",
 * "by": "agent", "since": "2026-11-24T10:00:00Z", "reason": "process 4711 ended", "incarnation":
 * "…"}}. Only the address is required.
 */
final class GoneReportReader {
  private static final String EXAMPLE =
      "{\"address\": \"10.0.0.7:7001\", \"by\": \"ann\", \"reason\": \"host scrapped\"}";

  private static final JsonMapper JSON = new JsonMapper();

  private final KeyPrefixReader<GoneReport> entries;

  GoneReportReader(String service, Warnings warnings) {
    this.entries =
        new KeyPrefixReader<>(
            service, "gone-report", prefix(service), (id, entry) -> parse(entry), warnings);
  }

  /** The key prefix under which the servers of a service are said to have ended. */
  static String prefix(String service) {
    return "bolina/gone/" + service + "/";
  }

  Map<String, GoneReport> read(JsonArrayReader answer) throws IOException {
    return entries.read(answer);
  }

  static String write(GoneReport report) {
    return JSON.createObjectNode()
        .put("address", report.endpoint().toString())
        .put("by", report.by())
        .put("since", report.since().toString())
        .put("reason", report.reason())
        .put("incarnation", report.incarnation())
        .toString();
  }

  /**
   * @throws IllegalArgumentException saying what is wrong with the entry
   */
  static GoneReport parse(byte[] entry) {
    JsonNode json = KeyPrefixReader.object(entry, EXAMPLE);
    return new GoneReport(
        text(json, "by"),
        json.hasNonNull("since") ? instant(text(json, "since")) : Instant.EPOCH,
        text(json, "reason"),
        endpoint(text(json, "address")),
        text(json, "incarnation"));
  }

  private static String text(JsonNode json, String field) {
    JsonNode value = json.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return "";
    }
    if (!value.isTextual()) {
      throw new IllegalArgumentException(field + " is " + value + ", not a text");
    }
    return value.textValue();
  }

  private static Endpoint endpoint(String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException(
          "address is missing: where the server was, such as 10.0.0.7:7001");
    }
    return Endpoint.parse(text);
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
