package io.bolina.controlplane.state;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.datatype.jsr310.deser.InstantDeserializer;
import io.bolina.registry.model.Member;
import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.time.Instant;
import java.util.Iterator;
import java.util.function.BiConsumer;

/**
 * Makes fleets of a state file's bytes. A member that cannot be is left out, and the others are
 * not; no time is so far away that one could not calculate with it.
 */
final class StateReader {
  private static final Instant FIRST = Instant.EPOCH;
  private static final Instant LAST = Instant.parse("2200-01-01T00:00:00Z");

  private static final int DEEPEST = 50;
  private static final int LONGEST_TEXT = 64 * 1024;

  private static final JsonMapper JSON = json();

  private final BiConsumer<String, String> leftOut;

  /**
   * @param leftOut is told the service and the reason of each member that is left out
   */
  StateReader(BiConsumer<String, String> leftOut) {
    this.leftOut = leftOut;
  }

  private static JsonMapper json() {
    JsonMapper json =
        MemberJsonCache.json()
            .addModule(new SimpleModule().addDeserializer(Instant.class, new UsableInstant()))
            .build();
    json.getFactory()
        .setStreamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(DEEPEST)
                .maxStringLength(LONGEST_TEXT)
                .maxNameLength(LONGEST_TEXT)
                .build());
    return json;
  }

  /**
   * Reads.
   *
   * @throws IOException if it is damaged as a whole
   */
  StateFile.Content read(byte[] bytes) throws IOException {
    JsonNode file = StateFormats.newest(JSON.readTree(bytes));
    for (var fleet : file.path("fleets").properties()) {
      if (fleet.getValue().path("members") instanceof ArrayNode members) {
        leaveOutUnusable(fleet.getKey(), members);
      }
    }
    return JSON.treeToValue(file, StateFile.Content.class);
  }

  private void leaveOutUnusable(String service, ArrayNode members) {
    for (Iterator<JsonNode> all = members.elements(); all.hasNext(); ) {
      JsonNode member = all.next();
      try {
        if (JSON.treeToValue(member, Member.class) == null) {
          throw new IOException("it is null");
        }
      } catch (IOException | RuntimeException e) {
        all.remove();
        leftOut.accept(service, FailureReason.of(e).lines().findFirst().orElse(""));
      }
    }
  }

  private static final class UsableInstant extends JsonDeserializer<Instant> {
    @Override
    public Instant deserialize(JsonParser parser, DeserializationContext context)
        throws IOException {
      Instant instant = InstantDeserializer.INSTANT.deserialize(parser, context);
      if (instant != null && (instant.isBefore(FIRST) || instant.isAfter(LAST))) {
        throw context.weirdStringException(
            instant.toString(), Instant.class, "not between 1970 and 2200");
      }
      return instant;
    }
  }
}
