package io.bolina.registry.consul;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.registry.LoadReport;
import io.bolina.registry.Warnings;
import java.io.IOException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Reads the load entries of a service, one at a time: a bad one is left out and named, its server
 * is "load unknown".
 */
final class LoadReader {
  /** The largest entry that is read, in bytes. */
  static final int LARGEST = 4096;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final String service;
  private final Warnings warnings;

  LoadReader(String service, Warnings warnings) {
    this.service = service;
    this.warnings = warnings;
  }

  /** The key prefix under which the servers of a service report. */
  static String prefix(String service) {
    return "bolina/load/" + service + "/";
  }

  Map<String, LoadReport> read(Entries entries) throws IOException {
    String prefix = prefix(service);
    Map<String, LoadReport> loads = new HashMap<>();
    while (entries.next()) {
      Entry entry = new Entry();
      entries.fields(field -> entry.read(field, entries));
      String id = entry.key.startsWith(prefix) ? entry.key.substring(prefix.length()) : "";
      if (id.isEmpty()) {
        continue; // the folder itself, as Consul's UI makes it
      }
      try {
        loads.put(id, parse(Base64.getDecoder().decode(entry.value)));
      } catch (IllegalArgumentException e) {
        warnings.warn(
            "load-entry",
            service + "/" + id,
            "service {}: the load entry {} is ignored, so the server's load is unknown: {}",
            service,
            entry.key,
            e.getMessage());
      }
    }
    return loads;
  }

  /** One entry as far as it has been read. */
  private static final class Entry {
    private String key = "";
    private String value = "";

    private void read(String field, Entries in) throws IOException {
      switch (field) {
        case "Key" -> key = in.text();
        case "Value" -> value = in.text();
        default -> {}
      }
    }
  }

  /**
   * @throws IllegalArgumentException saying what is wrong with the entry
   */
  static LoadReport parse(byte[] entry) {
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
      throw new IllegalArgumentException(
          "it is not a JSON object such as {\"load\": 0.4, \"sessions\": 120}");
    }
    double load = number(json, "load");
    OptionalLong sessions = OptionalLong.empty();
    if (json.hasNonNull("sessions")) {
      double value = number(json, "sessions");
      if (value != Math.rint(value) || value > 1e15) {
        throw new IllegalArgumentException(
            "sessions is " + json.get("sessions") + ", not a whole number");
      }
      sessions = OptionalLong.of((long) value);
    }
    Map<String, Double> metrics = new HashMap<>();
    json.properties()
        .forEach(
            field -> {
              boolean further =
                  !field.getKey().equals("load") && !field.getKey().equals("sessions");
              if (further
                  && field.getValue().isNumber()
                  && Double.isFinite(field.getValue().doubleValue())) {
                metrics.put(field.getKey(), field.getValue().doubleValue());
              }
            });
    return new LoadReport(load, sessions, metrics);
  }

  private static double number(JsonNode json, String name) {
    JsonNode value = json.get(name);
    if (value == null || !value.isNumber()) {
      throw new IllegalArgumentException(
          name + " is " + (value == null ? "missing" : value) + ", not a number");
    }
    return value.doubleValue();
  }
}
