package io.bolina.controlplane.state;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What a state file of an earlier version of Bolina lacks: an upgrade must forget no server.
 *
 * <ul>
 *   <li>1: until orders to drain came
 *   <li>2: a member's {@code draining} is {@code maintenance}, and it has an {@code order}; a fleet
 *       has the source {@code orders}, and {@code ordersInAdvance}
 *   <li>3: {@code gates} has the orders for the gates
 *   <li>4: a member has {@code gone}, {@code goneHeld}, {@code reportExpired} and {@code
 *       othersHere}; a fleet has the source {@code gone} and a {@code goneProtection}
 * </ul>
 */
final class StateFormats {
  private StateFormats() {}

  /** Returns the file's content in the newest format, if it is of one that is known. */
  static JsonNode newest(JsonNode file) {
    if (file instanceof ObjectNode content && content.path("format").asInt() == 1) {
      content.put("format", 2);
      content.path("fleets").forEach(StateFormats::withOrders);
    }
    if (file instanceof ObjectNode content && content.path("format").asInt() == 2) {
      content.put("format", 3);
      content.putObject("gates");
    }
    if (file instanceof ObjectNode content && content.path("format").asInt() == 3) {
      content.put("format", 4);
      content.path("fleets").forEach(StateFormats::withGone);
    }
    return file;
  }

  private static void withGone(JsonNode fleet) {
    if (fleet instanceof ObjectNode content) {
      content.putObject("gone").putNull("heard").putNull("problem");
      content.putObject("goneProtection").put("reason", "").putNull("heldSince");
      for (JsonNode member : content.path("members")) {
        if (member instanceof ObjectNode fields) {
          fields.putNull("gone").put("goneHeld", false).put("reportExpired", false);
          fields.putArray("othersHere");
        }
      }
    }
  }

  private static void withOrders(JsonNode fleet) {
    if (fleet instanceof ObjectNode content) {
      content.putObject("orders").putNull("heard").putNull("problem");
      content.putObject("ordersInAdvance");
      for (JsonNode member : content.path("members")) {
        if (member instanceof ObjectNode fields && fields.has("draining")) {
          fields.set("maintenance", fields.remove("draining"));
          fields.putNull("order");
        }
      }
    }
  }
}
