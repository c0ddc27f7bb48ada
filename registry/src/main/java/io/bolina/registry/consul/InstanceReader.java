package io.bolina.registry.consul;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.registry.Health;
import io.bolina.registry.Server;
import io.bolina.registry.Sighting;
import io.bolina.registry.Warnings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Reads Consul's health answer into a sighting, one instance at a time: a bad one is left out and
 * named.
 */
final class InstanceReader {
  private static final String MAINTENANCE = "_service_maintenance:";
  private static final String NODE_MAINTENANCE = "_node_maintenance";
  private static final String NODE_CHECK = "serfHealth";

  private final String service;
  private final Warnings warnings;

  InstanceReader(String service, Warnings warnings) {
    this.service = service;
    this.warnings = warnings;
  }

  Sighting read(Iterator<JsonNode> instances) {
    List<Sighting.Seen> seen = new ArrayList<>();
    while (instances.hasNext()) {
      JsonNode instance = instances.next();
      try {
        seen.add(read(instance));
      } catch (IllegalArgumentException e) {
        String id = instance.path("Service").path("ID").asText("(no id)");
        warnings.warn(
            "instance",
            service + "/" + id,
            "service {}: the instance '{}' on node '{}' is ignored: {}. Register it again with an IP address and a port",
            service,
            id,
            instance.path("Node").path("Node").asText(),
            e.getMessage());
      }
    }
    return new Sighting(seen);
  }

  private Sighting.Seen read(JsonNode instance) {
    JsonNode registered = instance.path("Service");
    JsonNode node = instance.path("Node");
    String own = registered.path("Address").asText();
    String address = own.isEmpty() ? node.path("Address").asText() : own;
    Map<String, String> metadata = new HashMap<>();
    registered
        .path("Meta")
        .properties()
        .forEach(entry -> metadata.put(entry.getKey(), entry.getValue().asText()));
    String zone = metadata.getOrDefault("zone", node.path("Meta").path("zone").asText());
    Server server =
        new Server(
            registered.path("ID").asText(),
            service,
            address,
            registered.path("Port").asInt(),
            zone,
            metadata);

    Health health = Health.PASSING;
    boolean draining = false;
    boolean nodeLost = false;
    String note = "";
    for (JsonNode check : instance.path("Checks")) {
      String checkId = check.path("CheckID").asText();
      Health status = statusOf(check, checkId, server.id());
      if (checkId.equals(NODE_CHECK)) {
        nodeLost = status == Health.CRITICAL;
      } else if (checkId.startsWith(MAINTENANCE) || checkId.equals(NODE_MAINTENANCE)) {
        draining = true;
      } else if (status.compareTo(health) > 0) {
        health = status;
        note = noteOf(check);
      }
    }
    return new Sighting.Seen(server, health, draining, nodeLost, note);
  }

  private Health statusOf(JsonNode check, String checkId, String id) {
    return switch (check.path("Status").asText()) {
      case "passing" -> Health.PASSING;
      case "warning" -> Health.WARNING;
      case "critical" -> Health.CRITICAL;
      default -> {
        warnings.warn(
            "check-status",
            service + "/" + id,
            "service {}: the check '{}' of '{}' has the unknown status '{}', taken for critical",
            service,
            checkId,
            id,
            check.path("Status").asText());
        yield Health.CRITICAL;
      }
    };
  }

  private static String noteOf(JsonNode check) {
    String output = check.path("Output").asText().strip();
    String line = output.lines().findFirst().orElse("");
    String text = check.path("Name").asText() + (line.isEmpty() ? "" : ": " + line);
    return text.length() > 200 ? text.substring(0, 200) + "…" : text;
  }
}
