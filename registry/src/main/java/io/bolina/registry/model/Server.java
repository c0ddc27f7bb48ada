package io.bolina.registry.model;

import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import java.util.Map;
import java.util.Objects;

/**
 * One server of a fleet, as it is registered.
 *
 * @param id the registry's id of it, e.g. {@code b-1}
 * @param service the service (fleet) it belongs to
 * @param address an IPv4 or IPv6 address literal, in its one spelling whatever it is given in; a
 *     name would make Envoy reject the whole fleet
 * @param port a UDP port, 1 to 65535
 * @param zone where it stands; for people and for the Watcher, never sent to Envoy
 *     (docs/envoy-sessions.md); may be empty
 * @param metadata whatever else it was registered with
 */
public record Server(
    String id, String service, String address, int port, String zone, Map<String, String> metadata)
    implements Comparable<Server> {
  public static final Setting<String> SERVICE =
      Setting.of("service", SettingType.text("NAME"))
          .required()
          .help("The Consul service: the fleet that the server belongs to.");

  /**
   * Of an id, in characters: it is part of keys, of names on the wire and of log lines; a DNS name
   * has 253 at most.
   */
  public static final int LONGEST_ID = 512;

  /**
   * The metadata by which an incarnation of a server is told from another of the same id and
   * address: something that the next process does not have.
   */
  public static final String INCARNATION = "incarnation";

  /**
   * @throws IllegalArgumentException naming what is wrong with the registration, and its value
   */
  public Server {
    Objects.requireNonNull(service, "service");
    Objects.requireNonNull(zone, "zone");
    if (id == null || id.isBlank()) {
      throw new IllegalArgumentException("the id is empty");
    }
    if (id.length() > LONGEST_ID) {
      throw new IllegalArgumentException(
          "the id has " + id.length() + " characters, more than " + LONGEST_ID);
    }
    String given = address;
    address =
        IpAddress.usable(given)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "the address '"
                            + given
                            + "' is not an IP address that Envoy could send to"));
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException("the port " + port + " is not between 1 and 65535");
    }
    metadata = Map.copyOf(metadata);
  }

  /** Whether a server can have this id. */
  public static boolean isId(String text) {
    return !text.isBlank() && text.length() <= LONGEST_ID;
  }

  /** Which process it is; empty if it is registered without. */
  public String incarnation() {
    return metadata.getOrDefault(INCARNATION, "");
  }

  /** Where it is, and what its sessions are bound to. */
  public Endpoint endpoint() {
    return new Endpoint(address, port);
  }

  /**
   * By id, then by address and port: the one order in which servers are listed and served
   * everywhere.
   */
  @Override
  public int compareTo(Server other) {
    int byId = id.compareTo(other.id);
    if (byId != 0) {
      return byId;
    }
    int byAddress = address.compareTo(other.address);
    return byAddress != 0 ? byAddress : Integer.compare(port, other.port);
  }
}
