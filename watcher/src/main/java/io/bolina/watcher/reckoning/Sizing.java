package io.bolina.watcher.reckoning;

import static java.lang.String.format;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How many pods the load calls for at this moment. What may be done about it, and how fast, is the
 * {@link Pace}'s.
 *
 * <p>Demand is the load of every listed server, closed ones too: their clients will come to the
 * others. Capacity is who takes new clients, or soon will. A pod that is no capacity but stays is
 * made up for by one more, unless most of the fleet is ill: then it is not the pods.
 */
final class Sizing {
  private static final double ROUNDING = 1e-9;

  /**
   * As a share of what the load needs, how many ill pods are made up for at most. New ones may be
   * as ill: then each would call for another one, up to the largest size.
   */
  private static final double MADE_UP_FOR = 0.25;

  private final WatchSettings settings;

  Sizing(WatchSettings settings) {
    this.settings = settings;
  }

  /**
   * A size.
   *
   * @param pods how many, victims not counted
   * @param reason the reckoning, in words
   * @param mostAreIll whether it was not worth reckoning, since most of the fleet is ill
   */
  record Size(int pods, String reason, boolean mostAreIll) {}

  /**
   * Reckons.
   *
   * @param now how many pods there are now, victims not counted
   * @param announced how many of them do not exist yet
   */
  Size size(List<Place> places, int now, int announced) {
    List<Place> staying = places.stream().filter(p -> p.standing().stays()).toList();
    long open = count(staying, Standing.OPEN);
    long full = count(staying, Standing.FULL);
    long coming = count(staying, Standing.COMING) + announced;
    long capacity = open + full + coming;
    long ill = staying.stream().filter(p -> p.standing().isIll()).count();
    double demand = demand(places);

    long base = Math.max(0, capacity - settings.spare());
    double each = base == 0 ? Double.NaN : demand / base;
    boolean near =
        base > 0
            && Math.abs(each / settings.targetLoad() - 1) <= settings.tolerance() + ROUNDING
            && full == 0;
    long byLoad = Math.max(1, (long) Math.ceil(demand / settings.targetLoad() - ROUNDING));
    long needed = near ? base : byLoad;
    List<String> reasons = new ArrayList<>();
    reasons.add(
        format(
            Locale.ROOT,
            "load %.2f %s, target %.2f%s: %d needed",
            demand,
            base == 0
                ? "and no server for it"
                : format(Locale.ROOT, "on %d servers is %.2f each", base, each),
            settings.targetLoad(),
            near ? " (near enough)" : "",
            needed));
    if (full > 0) {
      boolean room = open + coming > 0 || needed > capacity;
      needed = room ? needed : capacity + 1;
      reasons.add(
          names(staying, Standing.FULL)
              + (full == 1 ? " is overloaded" : " are overloaded")
              + (room ? "" : " and nobody else is open: one more"));
    }
    if (settings.spare() > 0) {
      needed += settings.spare();
      reasons.add(settings.spare() + " to spare");
    }

    if (ill >= 2 && ill * 2 > ill + open + full) {
      // More pods would most likely be as ill. Only what the open ones lack is added.
      int more = full > 0 ? (int) Math.max(0, needed - capacity) : 0;
      reasons.add(
          "MOST ARE ILL ("
              + ill
              + " of "
              + (ill + open + full)
              + "): then it is not the pods, so "
              + (more == 0 ? "the size is kept" : "only overload counts"));
      return new Size(now + more, String.join("; ", reasons), true);
    }
    long outside =
        staying.stream().filter(p -> p.pod().isEmpty() && p.standing().isCapacity()).count();
    List<Place> useless =
        staying.stream().filter(p -> p.pod().isPresent() && !p.standing().isCapacity()).toList();
    long illPods = useless.stream().filter(p -> p.standing().isIll()).count();
    long atMost = Math.max(1, (long) Math.ceil(needed * MADE_UP_FOR - ROUNDING));
    long extra = useless.size() - illPods + Math.min(illPods, atMost);
    if (outside > 0) {
      reasons.add(outside + " of them on plain machines");
    }
    if (extra > 0) {
      reasons.add(
          extra
              + " more for "
              + describe(useless)
              + (illPods > atMost ? " (of the ill ones no more than a quarter)" : ""));
    }
    int pods = (int) Math.max(0, Math.min(needed - outside + extra, Integer.MAX_VALUE));
    return new Size(pods, String.join("; ", reasons), false);
  }

  /** What is in use, in servers: 1 is one full server. Load unknown counts as on target. */
  private double demand(List<Place> places) {
    double demand = 0;
    for (Place place : places) {
      boolean counts = place.server().filter(m -> m.listed()).isPresent();
      if (counts) {
        boolean unknownIsOnTarget = place.standing() == Standing.OPEN;
        demand += place.load().orElse(unknownIsOnTarget ? settings.targetLoad() : 0.0);
      }
    }
    return demand;
  }

  private static long count(List<Place> places, Standing standing) {
    return places.stream().filter(p -> p.standing() == standing).count();
  }

  private static String names(List<Place> places, Standing standing) {
    return shortened(
        places.stream().filter(p -> p.standing() == standing).map(Place::name).toList());
  }

  private static String describe(List<Place> useless) {
    return shortened(
        useless.stream()
            .map(p -> p.name() + " (" + p.standing().name().toLowerCase(Locale.ROOT) + ")")
            .toList());
  }

  static String shortened(List<String> names) {
    return names.size() <= 3
        ? String.join(", ", names)
        : String.join(", ", names.subList(0, 3)) + " and " + (names.size() - 3) + " others";
  }
}
