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
    return file;
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
