package io.bolina.watcher.planning;

import static java.lang.String.format;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How many pods the load needs at this moment. What may be done about it, and how fast, is up to
 * the {@link ScalingPolicy}.
 *
 * <p>Demand is the load of every listed server, closed ones too: their clients will come to the
 * others. Capacity is who takes new clients, or soon will. A pod that is no capacity but stays is
 * compensated by one more, unless most of the fleet is unhealthy: then the cause is not the pods.
 */
final class DesiredReplicas {
  private static final double ROUNDING = 1e-9;

  /**
   * As a share of what the load needs, how many unhealthy pods are compensated at most. New ones
   * may be as unhealthy: then each would need another one, up to max.
   */
  private static final double COMPENSATED = 0.25;

  private final WatchSettings settings;

  DesiredReplicas(WatchSettings settings) {
    this.settings = settings;
  }

  /**
   * How many pods are needed.
   *
   * @param pods how many, those being removed not counted
   * @param reason in words
   * @param mostUnhealthy whether the size is kept because most of the fleet is unhealthy
   */
  record Estimate(int pods, String reason, boolean mostUnhealthy) {}

  /**
   * Estimates it.
   *
   * @param now how many pods there are now, those being removed not counted
   * @param missing how many of them do not exist yet
   */
  Estimate estimate(List<PodServer> podServers, int now, int missing) {
    List<PodServer> staying = podServers.stream().filter(p -> p.state().stays()).toList();
    long open = count(staying, PodState.OPEN);
    long overloaded = count(staying, PodState.OVERLOADED);
    long starting = count(staying, PodState.STARTING) + missing;
    long capacity = open + overloaded + starting;
    long unhealthy = staying.stream().filter(p -> p.state().isUnhealthy()).count();
    double demand = demand(podServers);

    long base = Math.max(0, capacity - settings.spare());
    double each = base == 0 ? Double.NaN : demand / base;
    boolean tolerated =
        base > 0
            && Math.abs(each / settings.targetLoad() - 1) <= settings.tolerance() + ROUNDING
            && overloaded == 0;
    long byLoad = Math.max(1, (long) Math.ceil(demand / settings.targetLoad() - ROUNDING));
    long needed = tolerated ? base : byLoad;
    List<String> reasons = new ArrayList<>();
    reasons.add(
        format(
            Locale.ROOT,
            "load %.2f %s, target %.2f%s: %d needed",
            demand,
            base == 0
                ? "with no server to take it"
                : format(Locale.ROOT, "on %d servers is %.2f each", base, each),
            settings.targetLoad(),
            tolerated ? " (within tolerance)" : "",
            needed));
    if (overloaded > 0) {
      boolean room = open + starting > 0 || needed > capacity;
      needed = room ? needed : capacity + 1;
      reasons.add(
          names(staying, PodState.OVERLOADED)
              + (overloaded == 1 ? " is overloaded" : " are overloaded")
              + (room ? "" : " and no other server is open: one more"));
    }
    if (settings.spare() > 0) {
      needed += settings.spare();
      reasons.add(settings.spare() + " spare");
    }

    if (unhealthy >= 2 && unhealthy * 2 > unhealthy + open + overloaded) {
      // More pods would most likely be as unhealthy. Only what the open ones lack is added.
      int more = overloaded > 0 ? (int) Math.max(0, needed - capacity) : 0;
      reasons.add(
          "most servers are unhealthy ("
              + unhealthy
              + " of "
              + (unhealthy + open + overloaded)
              + "): "
              + (more == 0 ? "size kept" : "only overload counts"));
      return new Estimate(now + more, String.join("; ", reasons), true);
    }
    long outside =
        staying.stream().filter(p -> p.pod().isEmpty() && p.state().isCapacity()).count();
    List<PodServer> unusable =
        staying.stream().filter(p -> p.pod().isPresent() && !p.state().isCapacity()).toList();
    long unhealthyPods = unusable.stream().filter(p -> p.state().isUnhealthy()).count();
    long atMost = Math.max(1, (long) Math.ceil(needed * COMPENSATED - ROUNDING));
    long extra = unusable.size() - unhealthyPods + Math.min(unhealthyPods, atMost);
    if (outside > 0) {
      reasons.add(outside + " of them on servers without a pod of this target");
    }
    if (extra > 0) {
      reasons.add(
          extra
              + " more for "
              + describe(unusable)
              + (unhealthyPods > atMost
                  ? " (unhealthy ones up to a quarter of what is needed)"
                  : ""));
    }
    int pods = (int) Math.max(0, Math.min(needed - outside + extra, Integer.MAX_VALUE));
    return new Estimate(pods, String.join("; ", reasons), false);
  }

  /** What is in use, in servers: 1 is one fully loaded server. Unknown load counts as on target. */
  private double demand(List<PodServer> podServers) {
    double demand = 0;
    for (PodServer podServer : podServers) {
      boolean counts = podServer.server().filter(m -> m.listed()).isPresent();
      if (counts) {
        boolean unknownIsOnTarget = podServer.state() == PodState.OPEN;
        demand += podServer.load().orElse(unknownIsOnTarget ? settings.targetLoad() : 0.0);
      }
    }
    return demand;
  }

  private static long count(List<PodServer> podServers, PodState state) {
    return podServers.stream().filter(p -> p.state() == state).count();
  }

  private static String names(List<PodServer> podServers, PodState state) {
    return shortened(
        podServers.stream().filter(p -> p.state() == state).map(PodServer::name).toList());
  }

  private static String describe(List<PodServer> unusable) {
    return shortened(
        unusable.stream()
            .map(p -> p.name() + " (" + p.state().name().toLowerCase(Locale.ROOT) + ")")
            .toList());
  }

  static String shortened(List<String> names) {
    return names.size() <= 3
        ? String.join(", ", names)
        : String.join(", ", names.subList(0, 3)) + " and " + (names.size() - 3) + " others";
  }
}
