package io.bolina.registry.consul;

import com.orbitz.consul.model.health.HealthCheck;
import com.orbitz.consul.model.health.ServiceHealth;
import io.bolina.registry.Health;
import io.bolina.registry.Server;
import io.bolina.registry.Sighting;
import io.bolina.registry.Warnings;
import java.util.ArrayList;
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

  Sighting read(List<ServiceHealth> instances) {
    List<Sighting.Seen> seen = new ArrayList<>(instances.size());
    for (ServiceHealth instance : instances) {
      try {
        seen.add(read(instance));
      } catch (RuntimeException e) {
        String id = instance.getService().getId();
        warnings.warn(
            "instance",
            service + "/" + id,
            "service {}: the instance '{}' on node '{}' is ignored: {}. Register it again with an IP address and a port",
            service,
            id,
            instance.getNode().getNode(),
            e.getMessage());
      }
    }
    return new Sighting(seen);
  }

  private Sighting.Seen read(ServiceHealth instance) {
    var registered = instance.getService();
    var node = instance.getNode();
    String address =
        registered.getAddress().isEmpty() ? node.getAddress() : registered.getAddress();
    Map<String, String> nodeMeta = node.getNodeMeta().orElse(Map.of());
    String zone = registered.getMeta().getOrDefault("zone", nodeMeta.getOrDefault("zone", ""));
    Server server =
        new Server(
            registered.getId(), service, address, registered.getPort(), zone, registered.getMeta());

    Health health = Health.PASSING;
    boolean draining = false;
    boolean nodeLost = false;
    String note = "";
    for (HealthCheck check : instance.getChecks()) {
      Health status = statusOf(check, server.id());
      if (check.getCheckId().equals(NODE_CHECK)) {
        nodeLost = status == Health.CRITICAL;
      } else if (check.getCheckId().startsWith(MAINTENANCE)
          || check.getCheckId().equals(NODE_MAINTENANCE)) {
        draining = true;
      } else if (status.compareTo(health) > 0) {
        health = status;
        note = noteOf(check);
      }
    }
    return new Sighting.Seen(server, health, draining, nodeLost, note);
  }

  private Health statusOf(HealthCheck check, String id) {
    return switch (check.getStatus()) {
      case "passing" -> Health.PASSING;
      case "warning" -> Health.WARNING;
      case "critical" -> Health.CRITICAL;
      default -> {
        warnings.warn(
            "check-status",
            service + "/" + id,
            "service {}: the check '{}' of '{}' has the unknown status '{}', taken for critical",
            service,
            check.getCheckId(),
            id,
            check.getStatus());
        yield Health.CRITICAL;
      }
    };
  }

  private static String noteOf(HealthCheck check) {
    String output = check.getOutput().orElse("").strip();
    String line = output.lines().findFirst().orElse("");
    String text = check.getName() + (line.isEmpty() ? "" : ": " + line);
    return text.length() > 200 ? text.substring(0, 200) + "…" : text;
  }
}
