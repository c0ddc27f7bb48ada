package io.bolina.registry.consul;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.registry.model.LoadReport;
import io.bolina.runtime.Warnings;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Reads the load entries of a service, one at a time: a bad one is left out and named, its server
 * is "load unknown".
 */
final class LoadReader {
  private final KeyPrefixReader<LoadReport> entries;

  LoadReader(String service, Warnings warnings) {
    this.entries =
        new KeyPrefixReader<>(
            service, "load-entry", prefix(service), (id, entry) -> parse(entry), warnings);
  }

  /** The key prefix under which the servers of a service report. */
  static String prefix(String service) {
    return "bolina/load/" + service + "/";
  }

  Map<String, LoadReport> read(JsonArrayReader answer) throws IOException {
    return entries.read(answer);
  }

  /**
   * @throws IllegalArgumentException saying what is wrong with the entry
   */
  static LoadReport parse(byte[] entry) {
    JsonNode json = KeyPrefixReader.object(entry, "{\"load\": 0.4, \"sessions\": 120}");
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
