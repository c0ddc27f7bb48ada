package io.bolina.registry.consul;

import io.bolina.registry.model.Network;
import io.bolina.runtime.Warnings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Reads the orders for the gate of a service: {@code shields}, which is {@code up} or {@code down},
 * and any number of lists {@code deny/<name>} of networks, separated by blanks, commas or lines,
 * {@code #} beginning a remark. A network of a list that cannot be used is left out and reported;
 * the others hold.
 */
final class GateOrdersReader {
  /** A list of some ten thousand networks. Consul takes values of up to 512 KiB. */
  private static final int LARGEST = 512 * 1024;

  private static final String SHIELDS = "shields";
  private static final String DENY = "deny/";
  private static final Pattern BETWEEN = Pattern.compile("[\\s,]+");

  private final String service;
  private final Warnings warnings;
  private final KeyPrefixReader<GateOrderSet> entries;

  /** What one entry orders for a gate, or all of them together. */
  record GateOrderSet(boolean shieldsUp, List<Network> denied) {}

  GateOrdersReader(String service, Warnings warnings) {
    this.service = service;
    this.warnings = warnings;
    this.entries =
        new KeyPrefixReader<>(service, "gate-order", prefix(service), this::parse, warnings);
  }

  /** The key prefix of the orders for a service's gate. */
  static String prefix(String service) {
    return "bolina/gate/" + service + "/";
  }

  GateOrderSet read(JsonArrayReader answer) throws IOException {
    Map<String, GateOrderSet> orders = entries.read(answer);
    List<Network> denied = new ArrayList<>();
    orders.values().forEach(order -> denied.addAll(order.denied()));
    return new GateOrderSet(
        orders.values().stream().anyMatch(GateOrderSet::shieldsUp), Network.inOrder(denied));
  }

  /**
   * @throws IllegalArgumentException saying what is wrong with the entry
   */
  private GateOrderSet parse(String name, byte[] entry) {
    if (entry.length > LARGEST) {
      throw new IllegalArgumentException("it has " + entry.length + " bytes, more than " + LARGEST);
    }
    String text = new String(entry, StandardCharsets.UTF_8);
    if (name.equals(SHIELDS)) {
      return new GateOrderSet(isUp(text.strip().toLowerCase(Locale.ROOT)), List.of());
    }
    if (name.startsWith(DENY) && name.length() > DENY.length()) {
      return new GateOrderSet(false, networks(name, text));
    }
    if (name.equals(DENY)) {
      return new GateOrderSet(false, List.of()); // the folder, as Consul's UI makes it
    }
    throw new IllegalArgumentException(
        "there is no such order; orders are '" + SHIELDS + "' and '" + DENY + "<name>'");
  }

  private static boolean isUp(String text) {
    if (!text.equals("up") && !text.equals("down")) {
      throw new IllegalArgumentException("'" + text + "' is neither 'up' nor 'down'");
    }
    return text.equals("up");
  }

  private List<Network> networks(String name, String text) {
    List<Network> networks = new ArrayList<>();
    for (String line : text.lines().toList()) {
      for (String word : BETWEEN.splitAsStream(line.replaceFirst("#.*", "")).toList()) {
        if (word.isEmpty()) {
          continue;
        }
        try {
          Network network = Network.parse(word);
          if (network.coversEverything()) {
            throw new IllegalArgumentException(
                "'"
                    + word
                    + "' would turn away every client, known ones too; to let none but known clients"
                    + " pass, set '"
                    + SHIELDS
                    + "' to 'up'");
          }
          networks.add(network);
        } catch (IllegalArgumentException e) {
          warnings
              .warn("gate-order", service + "/" + Shown.of(name + " " + word))
              .addKeyValue("service", service)
              .addKeyValue("key", prefix(service) + Shown.of(name))
              .addKeyValue("reason", Shown.of(String.valueOf(e.getMessage())))
              .log("part of an entry ignored");
        }
      }
    }
    return networks;
  }
}
