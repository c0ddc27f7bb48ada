package io.bolina.registry.consul;

import io.bolina.registry.ServerToken;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import io.bolina.runtime.Warnings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reads Consul's health answer into a listing, one instance at a time: a bad one is left out and
 * named, and the listing says whose it is.
 */
public final class InstanceReader {
  private static final String MAINTENANCE = "_service_maintenance:";
  private static final String NODE_MAINTENANCE = "_node_maintenance";
  private static final String NODE_CHECK = "serfHealth";

  /**
   * Consul takes 64 pairs of metadata at an agent. What is made of a pair is larger than the pair.
   */
  private static final int MOST_METADATA = 256;

  /** Of one instance, whose check may have any number of statuses that are none. */
  private static final int MOST_UNKNOWN_STATUSES = 8;

  /** How Consul's own output of a TTL check begins that nobody has updated in time. */
  private static final String TTL_EXPIRED = "TTL expired";

  private final String service;
  private final Warnings warnings;

  public InstanceReader(String service, Warnings warnings) {
    this.service = service;
    this.warnings = warnings;
  }

  public ServiceListing read(JsonArrayReader instances) throws IOException {
    List<ServiceListing.Instance> listed = new ArrayList<>();
    Set<String> unusable = new HashSet<>();
    while (instances.next()) {
      Optional<ServiceListing.Instance> known = instances.cached(ServiceListing.Instance.class);
      if (known.isPresent()) {
        listed.add(known.get());
        continue;
      }
      InstanceFields instance = new InstanceFields();
      try {
        instances.entry(field -> instance.read(field, instances));
        ServiceListing.Instance read = listed(instance);
        listed.add(read);
        if (instance.unknownStatuses.isEmpty()
            && ServerToken.unusable(instance.metadata).isEmpty()) {
          instances.cache(read);
        }
      } catch (IllegalArgumentException e) {
        String id = instances.textIn("Service", "ID");
        if (Server.isId(id)) {
          unusable.add(id);
        }
        warnings
            .warn("instance", service + "/" + Shown.of(id))
            .addKeyValue("service", service)
            .addKeyValue("server", Shown.of(id))
            .addKeyValue("node", Shown.of(instances.textIn("Node", "Node")))
            .addKeyValue("reason", Shown.of(String.valueOf(e.getMessage())))
            .log("instance ignored; register it again with an IP address and a port");
      }
    }
    return new ServiceListing(listed, unusable);
  }

  private ServiceListing.Instance listed(InstanceFields read) {
    String address = read.address.isEmpty() ? read.nodeAddress : read.address;
    String zone = read.metadata.getOrDefault("zone", read.nodeZone);
    Server server = new Server(read.id, service, address, read.port, zone, read.metadata);
    for (String unknown : read.unknownStatuses) {
      warnings
          .warn("check-status", service + "/" + read.id)
          .addKeyValue("service", service)
          .addKeyValue("server", read.id)
          .addKeyValue("status", Shown.of(unknown))
          .log("unknown check status; treated as critical");
    }
    ServerToken.unusable(read.metadata)
        .ifPresent(
            token ->
                warnings
                    .warn("token", service + "/" + read.id)
                    .addKeyValue("service", service)
                    .addKeyValue("server", read.id)
                    .addKeyValue("token", Shown.of(token))
                    .log(
                        "unusable bolina-token in metadata; the token derived from the id is used"));
    return new ServiceListing.Instance(
        server,
        read.health,
        read.maintenance,
        read.nodeLost,
        read.note,
        read.reportExpired,
        read.version,
        !server.address().equals(address));
  }

  /** One instance as far as it has been read. */
  private static final class InstanceFields {
    private String id = "";
    private String nodeAddress = "";
    private String nodeZone = "";
    private String address = "";
    private int port;
    private final Map<String, String> metadata = new HashMap<>(4);
    private Health health = Health.PASSING;
    private boolean maintenance;
    private boolean nodeLost;
    private boolean reportExpired;
    private long version;
    private String note = "";
    private final List<String> unknownStatuses = new ArrayList<>(0);

    private void read(String field, JsonArrayReader in) throws IOException {
      switch (field) {
        case "Node" -> in.fields(f -> readNode(f, in));
        case "Service" -> in.fields(f -> readService(f, in));
        case "Checks" -> in.items(item -> readCheck(in));
        default -> {}
      }
    }

    private void readNode(String field, JsonArrayReader in) throws IOException {
      switch (field) {
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

    private void readService(String field, JsonArrayReader in) throws IOException {
      switch (field) {
        case "ID" -> id = in.text();
        case "Address" -> address = in.text();
        case "Port" -> port = in.number();
        // Of the registration, not of its checks: it grows when somebody registers.
        case "ModifyIndex" -> version = in.longNumber();
        case "Meta" -> in.fields(key -> readMetadata(key, in));
        default -> {}
      }
    }

    private void readMetadata(String key, JsonArrayReader in) throws IOException {
      if (metadata.size() == MOST_METADATA) {
        throw new BadEntry("it has more than " + MOST_METADATA + " pairs of metadata");
      }
      metadata.put(key, in.text());
    }

    private void readCheck(JsonArrayReader in) throws IOException {
      CheckFields check = new CheckFields();
      in.fields(field -> check.read(field, in));
      Health status = check.health();
      if (status == null) {
        if (unknownStatuses.size() < MOST_UNKNOWN_STATUSES) {
          unknownStatuses.add(check.status);
        }
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
      reportExpired |= status == Health.CRITICAL && check.output.startsWith(TTL_EXPIRED);
    }
  }

  private static final class CheckFields {
    private String id = "";
    private String name = "";
    private String status = "";
    private String output = "";

    private void read(String field, JsonArrayReader in) throws IOException {
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
      return Shown.of(name + (line.isEmpty() ? "" : ": " + line));
    }
  }
}
