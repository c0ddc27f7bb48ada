package io.bolina.controlplane.state;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jsr310.deser.InstantDeserializer;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Member;
import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
  private static final int LARGEST_MEMBER = 64 * 1024;

  /** All that is beside the members. */
  private static final int LARGEST_REST = 1024 * 1024;

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
   * Reads. Never is there more of it in memory as JSON than one member: it takes many times the
   * room of the text.
   *
   * @throws IOException if it is damaged as a whole
   */
  StateFile.Content read(byte[] bytes) throws IOException {
    ObjectNode rest = JSON.createObjectNode();
    Map<String, List<Part>> members = new HashMap<>();
    int left = LARGEST_REST;
    try (JsonParser parser = JSON.createParser(bytes)) {
      requireObject(parser.nextToken());
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        if (field.equals("fleets") && parser.nextToken() == JsonToken.START_OBJECT) {
          left = fleets(parser, bytes, rest.putObject(field), members, left);
        } else {
          left = small(parser, bytes, rest, field, left);
        }
      }
    }
    int format = rest.path("format").asInt();
    JsonNode file = StateFormats.newest(rest);
    StateFile.Content content = JSON.treeToValue(file, StateFile.Content.class);
    Map<String, Fleet> fleets = new TreeMap<>();
    content
        .fleets()
        .forEach(
            (service, fleet) -> {
              List<Part> parts = members.getOrDefault(service, List.of());
              fleets.put(
                  service,
                  fleet.withMembers(usable(service, format, bytes, parts), fleet.protection()));
            });
    return new StateFile.Content(content.format(), content.savedAt(), fleets, content.gates());
  }

  private static void requireObject(JsonToken token) throws IOException {
    if (token != JsonToken.START_OBJECT) {
      throw new IOException("it is not a JSON object");
    }
  }

  private static int fleets(
      JsonParser parser, byte[] bytes, ObjectNode fleets, Map<String, List<Part>> members, int most)
      throws IOException {
    int left = most;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String service = parser.currentName();
      requireObject(parser.nextToken());
      ObjectNode fleet = fleets.putObject(service);
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        if (field.equals("members")) {
          if (parser.nextToken() != JsonToken.START_ARRAY) {
            throw new IOException("the members of " + service + " are no list");
          }
          List<Part> parts = new ArrayList<>();
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            parts.add(part(parser));
          }
          members.put(service, parts);
          fleet.putArray(field);
        } else {
          left = small(parser, bytes, fleet, field, left);
        }
      }
    }
    return left;
  }

  /** What is no member is little, and returns how much more of it may come. */
  private static int small(JsonParser parser, byte[] bytes, ObjectNode into, String field, int most)
      throws IOException {
    if (parser.currentToken() == JsonToken.FIELD_NAME) {
      parser.nextToken();
    }
    Part part = part(parser);
    int left = most - part.length() - field.length();
    if (left < 0) {
      throw new IOException("what is beside its servers is larger than " + LARGEST_REST + " bytes");
    }
    into.set(field, JSON.readTree(bytes, part.from(), part.length()));
    return left;
  }

  /** The value at which a parser is, without a look at it. */
  private static Part part(JsonParser parser) throws IOException {
    int from = (int) parser.currentTokenLocation().getByteOffset();
    if (parser.currentToken() == null) {
      throw new IOException("it ends in the middle");
    }
    parser.skipChildren();
    parser.finishToken();
    return new Part(from, (int) parser.currentLocation().getByteOffset() - from);
  }

  private List<Member> usable(String service, int format, byte[] bytes, List<Part> parts) {
    List<Member> members = new ArrayList<>(parts.size());
    for (Part part : parts) {
      try {
        members.add(member(format, bytes, part));
      } catch (IOException | RuntimeException e) {
        leftOut.accept(service, FailureReason.of(e).lines().findFirst().orElse(""));
      }
    }
    return members;
  }

  private static Member member(int format, byte[] bytes, Part part) throws IOException {
    if (part.length() > LARGEST_MEMBER) {
      throw new IOException("it has " + part.length() + " bytes");
    }
    // As a file of its own, which may be of an earlier format.
    ObjectNode file = JSON.createObjectNode().put("format", format);
    file.putObject("fleets")
        .putObject("one")
        .putArray("members")
        .add(JSON.readTree(bytes, part.from(), part.length()));
    Member member =
        JSON.treeToValue(StateFormats.newest(file).at("/fleets/one/members/0"), Member.class);
    if (member == null) {
      throw new IOException("it is null");
    }
    return member;
  }

  /** Where something stands in the file. */
  private record Part(int from, int length) {}

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
