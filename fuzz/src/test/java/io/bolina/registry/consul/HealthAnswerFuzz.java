package io.bolina.registry.consul;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.registry.model.ServiceListing;
import io.bolina.runtime.Warnings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;

/**
 * Consul's answer about a service. As a whole it may be a fault, and nothing else; an entry whose
 * end can be found costs its neighbours nothing, read anew or as one that is known.
 */
public final class HealthAnswerFuzz {
  private static final String NEIGHBOUR = "neighbour";
  private static final InstanceReader READER =
      new InstanceReader("bolina", new Warnings(new SimpleMeterRegistry(), Clock.systemUTC()));
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
  private static final AnswerLimits LIMITS = new AnswerLimits(1 << 22, 1_000);

  private HealthAnswerFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) throws IOException {
    try {
      READER.read(new JsonArrayReader(new ByteArrayInputStream(data)));
    } catch (IOException | ConsulFault e) {
      // the query failed, and the last good fleet stays
    }
    String entry = new String(data, StandardCharsets.ISO_8859_1);
    // An escaped id might be a neighbour's.
    if ((isOneEntry(entry) || isObject(entry))
        && !entry.contains(NEIGHBOUR)
        && !entry.contains("\\u")) {
      JsonArrayReader.Cache cache = new JsonArrayReader.Cache();
      ServiceListing first = requireNeighbours(answer(entry), cache);
      ServiceListing again = requireNeighbours(answer(entry), cache);
      if (!first.equals(again)) {
        throw new IllegalStateException("what is known is read otherwise: " + first + again);
      }
    }
  }

  /** Whether it ends where the next one begins: with a bracket too many it would end the list. */
  private static boolean isOneEntry(String entry) {
    return count("[" + entry + ",0]") == 2 && count("[" + entry + ",0,0]") == 3;
  }

  /** What is JSON is one entry, whatever the scanner thinks of it. */
  private static boolean isObject(String entry) {
    try {
      return JSON.readTree(entry).isObject();
    } catch (IOException e) {
      return false;
    }
  }

  private static int count(String answer) {
    try {
      JsonArrayReader entries =
          new JsonArrayReader(
              new ByteArrayInputStream(answer.getBytes(StandardCharsets.ISO_8859_1)));
      while (entries.next()) {
        // on to the end
      }
      return entries.count();
    } catch (IOException | ConsulFault e) {
      return -1;
    }
  }

  private static String answer(String entry) {
    return "[" + neighbour(1) + "," + entry + "," + neighbour(2) + "]";
  }

  private static String neighbour(int n) {
    return "{\"Node\": {\"Node\": \"n\", \"Address\": \"10.1.1.1\"}, \"Service\": {\"ID\": \""
        + NEIGHBOUR
        + n
        + "\", \"Address\": \"10.0.0."
        + n
        + "\", \"Port\": 7000}, \"Checks\": [{\"CheckID\": \"c\", \"Status\": \"passing\"}]}";
  }

  private static ServiceListing requireNeighbours(String answer, JsonArrayReader.Cache cache)
      throws IOException {
    byte[] bytes = answer.getBytes(StandardCharsets.ISO_8859_1);
    ServiceListing listing =
        READER.read(new JsonArrayReader(new ByteArrayInputStream(bytes), LIMITS, cache));
    List<String> ids = listing.instances().stream().map(i -> i.server().id()).toList();
    if (!ids.contains(NEIGHBOUR + 1) || !ids.contains(NEIGHBOUR + 2)) {
      throw new IllegalStateException("a neighbour is missing: " + listing);
    }
    return listing;
  }
}
