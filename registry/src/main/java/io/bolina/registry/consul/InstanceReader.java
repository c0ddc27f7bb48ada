package io.bolina.registry.consul;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import io.bolina.runtime.Warnings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads Consul's health answer into a sighting, one instance at a time: a bad one is left out and
 * named.
 */
public final class InstanceReader {
  private static final String MAINTENANCE = "_service_maintenance:";
  private static final String NODE_MAINTENANCE = "_node_maintenance";
  private static final String NODE_CHECK = "serfHealth";

  private final String service;
  private final Warnings warnings;

  public InstanceReader(String service, Warnings warnings) {
    this.service = service;
    this.warnings = warnings;
  }

  public ServiceListing read(Entries instances) throws IOException {
    List<ServiceListing.Seen> seen = new ArrayList<>();
    while (instances.next()) {
      Optional<ServiceListing.Seen> known = instances.remembered(ServiceListing.Seen.class);
      if (known.isPresent()) {
        seen.add(known.get());
        continue;
      }
      Instance instance = new Instance();
      instances.fields(field -> instance.read(field, instances));
      try {
        ServiceListing.Seen read = seen(instance);
        seen.add(read);
        if (instance.unknownStatuses.isEmpty()) {
          instances.remember(read);
        }
      } catch (IllegalArgumentException e) {
        warnings.warn(
            "instance",
            service + "/" + instance.id,
            "service {}: the instance '{}' on node '{}' is ignored: {}. Register it again with an IP address and a port",
            service,
            instance.id,
            instance.node,
            e.getMessage());
      }
    }
    return new ServiceListing(seen);
  }

  private ServiceListing.Seen seen(Instance read) {
    String address = read.address.isEmpty() ? read.nodeAddress : read.address;
    String zone = read.metadata.getOrDefault("zone", read.nodeZone);
    Server server = new Server(read.id, service, address, read.port, zone, read.metadata);
    for (String unknown : read.unknownStatuses) {
      warnings.warn(
          "check-status",
          service + "/" + read.id,
          "service {}: a check of '{}' has the unknown status '{}', taken for critical",
          service,
          read.id,
          unknown);
    }
    return new ServiceListing.Seen(server, read.health, read.maintenance, read.nodeLost, read.note);
  }

  /** One instance as far as it has been read. */
  private static final class Instance {
    private String id = "";
    private String node = "";
    private String nodeAddress = "";
    private String nodeZone = "";
    private String address = "";
    private int port;
    private final Map<String, String> metadata = new HashMap<>(4);
    private Health health = Health.PASSING;
    private boolean maintenance;
    private boolean nodeLost;
    private String note = "";
    private final List<String> unknownStatuses = new ArrayList<>(0);

    private void read(String field, Entries in) throws IOException {
      switch (field) {
        case "Node" -> in.fields(f -> readNode(f, in));
        case "Service" -> in.fields(f -> readService(f, in));
        case "Checks" -> in.items(item -> readCheck(in));
        default -> {}
      }
    }

    private void readNode(String field, Entries in) throws IOException {
      switch (field) {
        case "Node" -> node = in.text();
        case "Address" -> nodeAddress = in.text();
        case "Meta" ->
            in.fields(
                key -> {
                  if (key.equals("zone")) {
                    nodeZone = in.text();
                  }
                });
        default -> {}
      }
    }

    private void readService(String field, Entries in) throws IOException {
      switch (field) {
        case "ID" -> id = in.text();
        case "Address" -> address = in.text();
        case "Port" -> port = in.number();
        case "Meta" -> in.fields(key -> metadata.put(key, in.text()));
        default -> {}
      }
    }

    private void readCheck(Entries in) throws IOException {
      Check check = new Check();
      in.fields(field -> check.read(field, in));
      Health status = check.health();
      if (status == null) {
        unknownStatuses.add(check.status);
        status = Health.CRITICAL;
      }
      if (check.id.equals(NODE_CHECK)) {
        nodeLost = status == Health.CRITICAL;
      } else if (check.id.startsWith(MAINTENANCE) || check.id.equals(NODE_MAINTENANCE)) {
        maintenance = true;
      } else if (status.compareTo(health) > 0) {
        health = status;
        note = check.note();
      }
    }
  }

  private static final class Check {
    private String id = "";
    private String name = "";
    private String status = "";
    private String output = "";

    private void read(String field, Entries in) throws IOException {
      switch (field) {
        case "CheckID" -> id = in.text();
        case "Name" -> name = in.text();
        case "Status" -> status = in.text();
        case "Output" -> output = in.text();
        default -> {}
      }
    }

    /** Null if the status is none that Consul documents. */
    private Health health() {
      return switch (status) {
        case "passing" -> Health.PASSING;
        case "warning" -> Health.WARNING;
        case "critical" -> Health.CRITICAL;
        default -> null;
      };
    }

    private String note() {
      String line = output.strip().lines().findFirst().orElse("");
      String text = name + (line.isEmpty() ? "" : ": " + line);
      return text.length() > 200 ? text.substring(0, 200) + "…" : text;
    }
  }
}
