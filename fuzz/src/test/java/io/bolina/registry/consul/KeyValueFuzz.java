package io.bolina.registry.consul;

import io.bolina.registry.ServerToken;
import io.bolina.runtime.Warnings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.Set;

/**
 * The value of a key (the first byte says which), and an answer about keys as it is: a value that
 * cannot be used is left out, and costs the one beside it nothing.
 */
public final class KeyValueFuzz {
  private static final Warnings WARNINGS =
      new Warnings(new SimpleMeterRegistry(), Clock.systemUTC());
  private static final LoadReader LOADS = new LoadReader("bolina", WARNINGS);
  private static final DrainOrderReader DRAINS = new DrainOrderReader("bolina", WARNINGS);
  private static final GoneReportReader GONE = new GoneReportReader("bolina", WARNINGS);
  private static final GateOrdersReader GATES = new GateOrdersReader("bolina", WARNINGS);

  private KeyValueFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) throws IOException {
    if (data.length == 0) {
      return;
    }
    byte[] value = Arrays.copyOfRange(data, 1, data.length);
    switch (data[0] & 7) {
      case 0 ->
          requireNeighbour(
              LOADS.read(entries("bolina/load/bolina/", "{\"load\": 0.5}", value)).keySet());
      case 1 ->
          requireNeighbour(
              DRAINS.read(entries("bolina/drain/bolina/", "{\"by\": \"x\"}", value)).keySet());
      case 2 ->
          requireNeighbour(
              GONE.read(
                      entries(
                          "bolina/gone/bolina/",
                          "{\"address\": \"10.0.0.7:7001\", \"by\": \"ann\"}",
                          value))
                  .keySet());
      case 3 -> {
        if (!GATES
            .read(
                answer(
                    Map.of(
                        "bolina/gate/bolina/shields",
                        "up".getBytes(StandardCharsets.UTF_8),
                        "bolina/gate/bolina/deny/x",
                        value)))
            .shieldsUp()) {
          throw new IllegalStateException("shields are not up");
        }
      }
      case 4 -> GATES.read(answer(Map.of("bolina/gate/bolina/shields", value)));
      case 5 -> ServerToken.unusable(Map.of("bolina-token", text(value)));
      default -> whole(value);
    }
  }

  private static void whole(byte[] answer) {
    try {
      LOADS.read(new JsonArrayReader(new ByteArrayInputStream(answer)));
      GATES.read(new JsonArrayReader(new ByteArrayInputStream(answer)));
    } catch (IOException | ConsulFault e) {
      // the query failed, and what was known stays
    }
  }

  private static String text(byte[] value) {
    return new String(value, StandardCharsets.UTF_8);
  }

  private static JsonArrayReader entries(String prefix, String good, byte[] value)
      throws IOException {
    return answer(
        Map.of(prefix + "neighbour", good.getBytes(StandardCharsets.UTF_8), prefix + "b-1", value));
  }

  private static JsonArrayReader answer(Map<String, byte[]> values) throws IOException {
    StringBuilder answer = new StringBuilder();
    values.forEach(
        (key, value) ->
            answer
                .append(answer.isEmpty() ? "[" : ",")
                .append("{\"Key\": \"" + key + "\", \"Value\": \"")
                .append(Base64.getEncoder().encodeToString(value))
                .append("\"}"));
    return new JsonArrayReader(
        new ByteArrayInputStream(answer.append("]").toString().getBytes(StandardCharsets.UTF_8)));
  }

  private static void requireNeighbour(Set<String> ids) {
    if (!ids.contains("neighbour")) {
      throw new IllegalStateException("the neighbour is missing: " + ids);
    }
  }
}
