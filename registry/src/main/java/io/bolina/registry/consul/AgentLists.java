package io.bolina.registry.consul;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads Consul's lists of services and checks, entry by entry: the client library refuses the whole
 * list for one that it does not like. A bad entry is left out: as if it were not registered.
 */
final class AgentLists {
  private static final Logger log = LoggerFactory.getLogger(AgentLists.class);

  private AgentLists() {}

  /**
   * A registered service.
   *
   * @param node where it is registered; empty if at the agent that was asked
   */
  record ListedService(
      String id, String service, String node, String address, int port, Map<String, String> meta) {}

  /** A check and what it said last. */
  record ListedCheck(String id, String serviceId, String status, String output) {
    boolean isCritical() {
      return status.equals("critical");
    }
  }

  /** What one entry holds is read into this. */
  private static final class Fields {
    private final Map<String, String> texts = new HashMap<>();
    private final Map<String, String> meta = new HashMap<>();
    private int port;

    private String text(String field) {
      return texts.getOrDefault(field, "");
    }
  }

  /** Reads {@code /v1/agent/services}. */
  static List<ListedService> ofAgent(JsonArrayReader in) throws IOException {
    List<ListedService> read = new ArrayList<>();
    while (in.next()) {
      entry(in, List.of("ID", "Service", "Address"), "Port", "Meta")
          .map(
              f ->
                  new ListedService(
                      f.text("ID"), f.text("Service"), "", f.text("Address"), f.port, f.meta))
          .ifPresent(read::add);
    }
    return read;
  }

  /** Reads {@code /v1/catalog/service/…}; a service without an address is at its node's. */
  static List<ListedService> ofCatalog(JsonArrayReader in) throws IOException {
    List<ListedService> read = new ArrayList<>();
    while (in.next()) {
      entry(
              in,
              List.of("ServiceID", "ServiceName", "Node", "Address", "ServiceAddress"),
              "ServicePort",
              "ServiceMeta")
          .map(
              f ->
                  new ListedService(
                      f.text("ServiceID"),
                      f.text("ServiceName"),
                      f.text("Node"),
                      f.text(f.text("ServiceAddress").isEmpty() ? "Address" : "ServiceAddress"),
                      f.port,
                      f.meta))
          .ifPresent(read::add);
    }
    return read;
  }

  /** Reads {@code /v1/agent/checks} and {@code /v1/health/node/…}. */
  static List<ListedCheck> checks(JsonArrayReader in) throws IOException {
    List<ListedCheck> read = new ArrayList<>();
    while (in.next()) {
      entry(in, List.of("CheckID", "ServiceID", "Status", "Output"), "", "")
          .map(
              f ->
                  new ListedCheck(
                      f.text("CheckID"), f.text("ServiceID"), f.text("Status"), f.text("Output")))
          .ifPresent(read::add);
    }
    return read;
  }

  /** Reads the names in {@code /v1/catalog/services}. */
  static Set<String> names(JsonArrayReader in) throws IOException {
    Set<String> names = new TreeSet<>();
    while (in.next()) {
      names.add(in.name());
    }
    return names;
  }

  private static Optional<Fields> entry(
      JsonArrayReader in, List<String> texts, String port, String meta) {
    Fields read = new Fields();
    try {
      in.entry(
          field -> {
            if (texts.contains(field)) {
              read.texts.put(field, in.text());
            } else if (field.equals(port)) {
              read.port = in.number();
            } else if (field.equals(meta)) {
              in.fields(key -> read.meta.put(key, in.text()));
            }
          });
      return Optional.of(read);
    } catch (BadEntry e) {
      log.atDebug()
          .addKeyValue("service", Shown.of(read.text("ID") + read.text("ServiceID")))
          .addKeyValue("reason", Shown.of(String.valueOf(e.getMessage())))
          .log("entry of Consul's ignored");
      return Optional.empty();
    }
  }
}
