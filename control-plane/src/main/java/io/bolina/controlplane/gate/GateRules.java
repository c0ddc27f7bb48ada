package io.bolina.controlplane.gate;

import io.bolina.registry.model.Network;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The rules for the datagrams of one service. Each is optional. docs/gate.md explains them one by
 * one.
 *
 * @param shadow the rules that count what they would reject, and reject nothing
 * @param smallest the smallest datagram, in bytes
 * @param largest the largest datagram, in bytes
 * @param firstSize the smallest first packet of a client, in bytes
 * @param allow if not empty, the only networks that may send
 * @param deny networks that may not send; stronger than {@code allow}
 * @param sourcePackets datagrams of one source
 * @param sourceSessions sessions that one source begins
 * @param sessions sessions that all sources together begin, for each Envoy
 * @param tokens where a datagram names its server
 * @param sourceIpv4Prefix how many bits of an IPv4 address make a source. Default 32
 * @param sourceIpv6Prefix the same of an IPv6 address. Default 64, what one customer usually gets
 * @param sources how many sources are remembered at a time, for each Envoy. Default 65,536 (2 MB)
 * @param known how many clients are remembered at a time, for each Envoy. Default 262,144 (8 MB)
 * @param knownFor for how long a silent client is remembered; twice the session idle timeout if it
 *     is not given
 * @param logEvery the least time between two log lines about one rule. Default 10 s
 */
public record GateRules(
    Set<GateRule> shadow,
    Optional<Integer> smallest,
    Optional<Integer> largest,
    Optional<Integer> firstSize,
    List<BytePattern> patterns,
    List<LengthField> lengths,
    List<Network> allow,
    List<Network> deny,
    Optional<GateRateLimit> sourcePackets,
    Optional<GateRateLimit> sourceSessions,
    Optional<GateRateLimit> sessions,
    TokenRules tokens,
    int sourceIpv4Prefix,
    int sourceIpv6Prefix,
    int sources,
    int known,
    Optional<Duration> knownFor,
    Duration logEvery) {
  /** The largest payload that a UDP datagram can have. */
  static final int LARGEST = 65_507;

  static final int LARGEST_TABLE = 1 << 24;

  /** No rule: everything passes, and who is known is remembered. */
  public static final GateRules NONE =
      new GateRules(
          Set.of(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          TokenRules.NONE,
          32,
          64,
          65_536,
          262_144,
          Optional.empty(),
          Duration.ofSeconds(10));

  public GateRules {
    shadow = Set.copyOf(shadow);
    patterns = List.copyOf(patterns);
    lengths = List.copyOf(lengths);
    allow = Network.inOrder(allow);
    deny = Network.inOrder(deny);
    require(
        smallest.orElse(0) >= 0 && largest.orElse(LARGEST) <= LARGEST, "size is not 0 to 65507");
    require(smallest.orElse(0) <= largest.orElse(LARGEST), "size: min is more than max");
    require(
        firstSize.orElse(0) >= 0 && firstSize.orElse(0) <= largest.orElse(LARGEST),
        "first-size is more than the largest size: no client could begin");
    require(sourceIpv4Prefix >= 0 && sourceIpv4Prefix <= 32, "source-ipv4-prefix is not 0 to 32");
    require(sourceIpv6Prefix >= 0 && sourceIpv6Prefix <= 128, "source-ipv6-prefix is not 0 to 128");
    require(sources >= 1 && sources <= LARGEST_TABLE, "sources is not 1 to " + LARGEST_TABLE);
    require(known >= 1 && known <= LARGEST_TABLE, "known is not 1 to " + LARGEST_TABLE);
    require(
        knownFor.isEmpty() || (knownFor.get().toSeconds() >= 1 && knownFor.get().toDays() <= 7),
        "known-for is not 1 s to 7 days");
    require(logEvery.toSeconds() >= 1 && logEvery.toDays() < 1, "log-every is not 1 s to a day");
  }

  /** The kinds of rule that there are, whether they reject or only count. */
  public Set<GateRule> inUse() {
    Set<GateRule> inUse = EnumSet.allOf(GateRule.class);
    inUse.removeIf(rule -> !has(rule));
    return inUse;
  }

  private boolean has(GateRule rule) {
    return switch (rule) {
      case SIZE -> smallest.isPresent() || largest.isPresent();
      case PATTERN -> !patterns.isEmpty();
      case LENGTH -> !lengths.isEmpty();
      case DENIED -> !deny.isEmpty();
      case NOT_ALLOWED -> !allow.isEmpty();
      case SOURCE_PACKETS -> sourcePackets.isPresent();
      case FIRST_SIZE -> firstSize.isPresent();
      case SOURCE_SESSIONS -> sourceSessions.isPresent();
      case SESSIONS -> sessions.isPresent();
      case ORDERED, SHIELDS -> false; // orders, not rules
    };
  }

  static void require(boolean sound, String wrong) {
    if (!sound) {
      throw new IllegalArgumentException(wrong);
    }
  }

  static void requireName(String name) {
    require(
        name.matches("[A-Za-z0-9._-]{1,40}"),
        "name '" + name + "' is not 1 to 40 letters, digits, '.', '_' and '-'");
  }
}
