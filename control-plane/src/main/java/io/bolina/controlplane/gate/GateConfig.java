package io.bolina.controlplane.gate;

import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.Network;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The configuration of the module in Envoy: rules and orders as one structure of maps, lists, texts
 * and numbers, whose order depends on nothing but its content. gate/src/rules.rs reads it.
 */
final class GateConfig {
  private static final Duration LONGEST_KNOWN = Duration.ofDays(7);

  private GateConfig() {}

  static Map<String, Object> of(
      GateRules rules, GateOrders orders, Duration sessionIdleTimeout, boolean routeEachDatagram) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("source-ipv4-prefix", rules.sourceIpv4Prefix());
    config.put("source-ipv6-prefix", rules.sourceIpv6Prefix());
    config.put("sources", rules.sources());
    config.put("known", rules.known());
    config.put(
        "known-for",
        Math.min(
            rules.knownFor().orElse(sessionIdleTimeout.multipliedBy(2)).toSeconds(),
            LONGEST_KNOWN.toSeconds()));
    config.put("log-every", rules.logEvery().toSeconds());
    config.put("shields", orders.shieldsUp());
    putNetworks(config, "ordered", orders.denied());
    putNetworks(config, "deny", rules.deny());
    putNetworks(config, "allow", rules.allow());
    if (rules.smallest().isPresent() || rules.largest().isPresent()) {
      Map<String, Object> size = new LinkedHashMap<>();
      size.put("min", rules.smallest().orElse(0));
      size.put("max", rules.largest().orElse(GateRules.LARGEST));
      config.put("size", size);
    }
    rules.firstSize().ifPresent(size -> config.put("first-size", size));
    if (!rules.patterns().isEmpty()) {
      config.put("patterns", rules.patterns().stream().map(GateConfig::pattern).toList());
    }
    if (!rules.lengths().isEmpty()) {
      config.put("lengths", rules.lengths().stream().map(GateConfig::length).toList());
    }
    putLimit(config, "source-packets", rules.sourcePackets());
    putLimit(config, "source-sessions", rules.sourceSessions());
    putLimit(config, "sessions", rules.sessions());
    rules.tokens().place().ifPresent(place -> config.put("token", place(place)));
    if (!rules.tokens().quicLb().isEmpty()) {
      config.put("quic-lb", rules.tokens().quicLb().stream().map(GateConfig::quicLb).toList());
    }
    if (routeEachDatagram) {
      config.put("route-each-datagram", true);
    }
    if (!rules.shadow().isEmpty()) {
      config.put("shadow", rules.shadow().stream().sorted().map(GateRule::counter).toList());
    }
    return config;
  }

  private static void putNetworks(Map<String, Object> config, String key, List<Network> networks) {
    if (!networks.isEmpty()) {
      config.put(key, networks.stream().map(Network::toString).toList());
    }
  }

  private static Map<String, Object> place(TokenRules.TokenPlace place) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("offset", place.offset());
    config.put("length", place.length());
    place.only().ifPresent(pattern -> config.put("only", pattern(pattern)));
    return config;
  }

  /** The key itself never passes here: each Envoy reads it from a file of its own. */
  private static Map<String, Object> quicLb(TokenRules.QuicLbConfig quicLb) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("codepoint", quicLb.codepoint());
    config.put("server-id-length", quicLb.serverIdLength());
    config.put("nonce-length", quicLb.nonceLength());
    quicLb.keyFile().ifPresent(file -> config.put("key-file", file));
    return config;
  }

  private static Map<String, Object> pattern(BytePattern pattern) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("name", pattern.name());
    config.put("offset", pattern.offset());
    config.put("any-of", pattern.anyOf());
    config.put("mask", pattern.mask());
    return config;
  }

  private static Map<String, Object> length(LengthField length) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("name", length.name());
    config.put("offset", length.offset());
    config.put("width", length.width());
    config.put("order", length.bigEndian() ? "big" : "little");
    config.put("unit", length.unit());
    config.put("plus", length.plus());
    return config;
  }

  private static void putLimit(
      Map<String, Object> config, String key, Optional<GateRateLimit> limit) {
    limit.ifPresent(
        l -> {
          Map<String, Object> field = new LinkedHashMap<>();
          field.put("rate", l.perSecond());
          field.put("burst", l.burst());
          config.put(key, field);
        });
  }
}
