package io.bolina.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.runtime.Printable;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a server reports of itself: {@code {"health": "passing", "note": "", "load": 0.42,
 * "sessions": 318, "metrics": {"cpu": 0.37}}}.
 *
 * @param health defaults to passing
 * @param note why, for people
 * @param load empty if it reports none
 */
record StatusReport(Health health, String note, Optional<LoadReport> load) {
  private static final int LONGEST_NOTE = 500;
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * @throws IllegalArgumentException saying what is wrong with the report
   */
  static StatusReport parse(String text) {
    JsonNode json;
    try {
      json = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("it is not JSON: " + e.getOriginalMessage(), e);
    }
    if (!json.isObject()) {
      throw new IllegalArgumentException(
          "it is not a JSON object such as {\"health\": \"passing\", \"load\": 0.4}");
    }
    for (String field : (Iterable<String>) json::fieldNames) {
      if (!field.matches("health|note|load|sessions|metrics")) {
        throw new IllegalArgumentException(
            "there is no field '"
                + field
                + "'; known are health, note, load, sessions and metrics");
      }
    }
    String note = json.path("note").asText("");
    return new StatusReport(health(json.path("health")), shortened(note), load(json));
  }

  /**
   * Why a server says goodbye: {@code {"reason": "update"}}, or nothing.
   *
   * @throws IllegalArgumentException saying what is wrong with it
   */
  static String goodbyeReason(String text) {
    if (text.isBlank()) {
      return "";
    }
    JsonNode json;
    try {
      json = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("it is not JSON: " + e.getOriginalMessage(), e);
    }
    if (!json.isObject() || !json.path("reason").isTextual()) {
      throw new IllegalArgumentException(
          "it is not a JSON object such as {\"reason\": \"update\"}");
    }
    return shortened(json.path("reason").asText());
  }

  private static String shortened(String note) {
    return Printable.text(note.length() > LONGEST_NOTE ? note.substring(0, LONGEST_NOTE) : note);
  }

  private static Health health(JsonNode value) {
    if (value.isMissingNode()) {
      return Health.PASSING;
    }
    for (Health health : Health.values()) {
      if (health.name().toLowerCase(Locale.ROOT).equals(value.asText())) {
        return health;
      }
    }
    throw new IllegalArgumentException(
        "health is " + value + ", not \"passing\", \"warning\" or \"critical\"");
  }

  private static Optional<LoadReport> load(JsonNode json) {
    if (!json.hasNonNull("load")) {
      if (json.hasNonNull("sessions") || json.hasNonNull("metrics")) {
        throw new IllegalArgumentException("sessions and metrics go with a load, which is missing");
      }
      return Optional.empty();
    }
    OptionalLong sessions = OptionalLong.empty();
    if (json.hasNonNull("sessions")) {
      JsonNode value = json.get("sessions");
      if (!value.isIntegralNumber() || !value.canConvertToLong()) {
        throw new IllegalArgumentException("sessions is " + value + ", not a whole number");
      }
      sessions = OptionalLong.of(value.longValue());
    }
    Map<String, Double> metrics = new HashMap<>();
    json.path("metrics")
        .properties()
        .forEach(
            metric -> metrics.put(metric.getKey(), number(metric.getKey(), metric.getValue())));
    return Optional.of(new LoadReport(number("load", json.get("load")), sessions, metrics));
  }

  private static double number(String name, JsonNode value) {
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      throw new IllegalArgumentException(name + " is " + value + ", not a number");
    }
    return value.doubleValue();
  }
}
