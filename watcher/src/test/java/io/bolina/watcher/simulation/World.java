package io.bolina.watcher.simulation;

import io.bolina.registry.model.DrainOrder;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;

/**
 * A fleet in pods of a ReplicaSet, its clients, and what Envoy and the control plane do: new
 * clients go to open servers, known ones stay. Time goes in steps of one second.
 *
 * <p>Sessions are of two kinds, short and long. What the registry knows of a server is a few
 * seconds old, as it is when an agent reports.
 */
final class World {
  /** Sessions that make a load of 1. */
  static final int CAPACITY = 200;

  static final double OVERLOADED_AT = 0.9;
  static final Instant START = Instant.parse("2026-11-24T00:00:00Z");

  private static final double[] MEAN_SECONDS = {300, 1800};
  private static final double SHARE_OF_LONG = 0.15;
  private static final int REPORT_EVERY = 5;

  /** A pod with its server. */
  static final class SimulatedPod {
    final String name;
    final String uid;
    final int created;
    final int startsAt;
    final int[] sessions = new int[MEAN_SECONDS.length];
    OptionalInt cost = OptionalInt.empty();
    Optional<DrainOrder> order = Optional.empty();
    boolean critical;
    int deletedAt = -1;
    int closedAt = -1;
    int reportedSessions;
    double reportedLoad;

    private SimulatedPod(String name, String uid, int created, int startsAt) {
      this.name = name;
      this.uid = uid;
      this.created = created;
      this.startsAt = startsAt;
    }

    int allSessions() {
      return sessions[0] + sessions[1];
    }

    double load() {
      return allSessions() / (double) CAPACITY;
    }

    boolean leaving() {
      return deletedAt >= 0;
    }
  }

  private final Random random;
  private final int grace;
  private final int drainTime;
  private final List<SimulatedPod> pods = new ArrayList<>();
  private int now;
  private int names;
  private int replicas;
  private boolean startsAreBroken;

  // The verdict.
  private long broken;
  private long cut;
  private long arrived;
  private long turnedAway;
  private long overloadSeconds;
  private long podSeconds;

  /**
   * @param grace how long a pod that is deleted may go on until its sessions have ended, in seconds
   * @param drainTime after how long closed to new clients the end of a session is no breach
   */
  World(long seed, int replicas, int grace, int drainTime) {
    this.random = new Random(seed);
    this.replicas = replicas;
    this.grace = grace;
    this.drainTime = drainTime;
    while (pods.size() < replicas) {
      pods.add(newPod(0));
    }
  }

  int second() {
    return now;
  }

  Instant time() {
    return START.plusSeconds(now);
  }

  List<SimulatedPod> pods() {
    return pods;
  }

  int replicas() {
    return replicas;
  }

  void scale(int to) {
    replicas = to;
  }

  boolean started(SimulatedPod pod) {
    return now >= pod.startsAt;
  }

  /** From now on no pod that is started becomes healthy, or they do again. */
  void breakStarts(boolean broken) {
    startsAreBroken = broken;
    if (!broken) {
      pods.forEach(p -> p.critical = false);
    }
  }

  /** A session ended before its time counts as broken, or as cut when the drain time was over. */
  void delete(SimulatedPod pod) {
    if (!pod.leaving()) {
      pod.deletedAt = now;
      close(pod);
    }
  }

  /** A server turns critical, or healthy again. */
  void critical(SimulatedPod pod, boolean critical) {
    pod.critical = critical;
  }

  /** One second goes by, in which clients come at some rate. */
  void tick(double clientsPerSecond) {
    now++;
    replicaSet();
    for (SimulatedPod pod : pods) {
      if (pod.order.isPresent()) {
        close(pod);
      } else if (!pod.leaving()) {
        pod.closedAt = -1;
      }
      for (int kind = 0; kind < MEAN_SECONDS.length; kind++) {
        pod.sessions[kind] -= ended(pod.sessions[kind], 1 / MEAN_SECONDS[kind]);
      }
    }
    clients(clientsPerSecond);
    for (SimulatedPod pod : pods) {
      if (now % REPORT_EVERY == 0) {
        pod.reportedSessions = pod.allSessions();
        pod.reportedLoad = Math.max(0, pod.load() + 0.02 * random.nextGaussian());
      }
      if (started(pod) && pod.load() >= OVERLOADED_AT) {
        overloadSeconds++;
      }
    }
    pods.removeIf(this::ends);
    podSeconds += pods.size();
  }

  private void close(SimulatedPod pod) {
    if (pod.closedAt < 0) {
      pod.closedAt = now;
    }
  }

  private void clients(double clientsPerSecond) {
    int clients = poisson(clientsPerSecond);
    arrived += clients;
    List<SimulatedPod> able =
        pods.stream()
            .filter(this::started)
            .filter(p -> !p.critical && p.order.isEmpty() && !p.leaving())
            .toList();
    List<SimulatedPod> open = able.stream().filter(p -> p.reportedLoad < OVERLOADED_AT).toList();
    List<SimulatedPod> targets = open.isEmpty() ? able : open;
    if (targets.isEmpty()) {
      turnedAway += clients;
      return;
    }
    for (int i = 0; i < clients; i++) {
      int kind = random.nextDouble() < SHARE_OF_LONG ? 1 : 0;
      targets.get(random.nextInt(targets.size())).sessions[kind]++;
    }
  }

  /**
   * The controller of a ReplicaSet: as many pods as replicas; of too many, those that it removes
   * first.
   */
  private void replicaSet() {
    List<SimulatedPod> alive = new ArrayList<>(pods.stream().filter(p -> !p.leaving()).toList());
    for (int n = alive.size(); n < replicas; n++) {
      pods.add(newPod(20 + random.nextInt(20)));
    }
    int surplus = alive.size() - replicas;
    if (surplus > 0) {
      // Not started, then cheap, then young ones first; young in steps that double.
      alive.sort(
          Comparator.comparing(this::started)
              .thenComparingInt(p -> p.cost.orElse(0))
              .thenComparingInt(
                  p -> 31 - Integer.numberOfLeadingZeros(Math.max(1, now - p.created)))
              .thenComparing(p -> p.uid));
      alive.subList(0, surplus).forEach(this::delete);
    }
  }

  private boolean ends(SimulatedPod pod) {
    if (!pod.leaving()) {
      return false;
    }
    int left = pod.allSessions();
    if (left > 0 && now - pod.deletedAt < grace) {
      return false;
    }
    if (now - pod.closedAt < drainTime) {
      broken += left;
    } else {
      cut += left;
    }
    return true;
  }

  private SimulatedPod newPod(int startSeconds) {
    String name = "bolina-" + names++;
    SimulatedPod pod =
        new SimulatedPod(name, "uid-" + random.nextInt() + "-" + name, now, now + startSeconds);
    pod.critical = startsAreBroken;
    return pod;
  }

  private int ended(int sessions, double share) {
    int ended = 0;
    for (int i = 0; i < sessions; i++) {
      if (random.nextDouble() < share) {
        ended++;
      }
    }
    return ended;
  }

  private int poisson(double mean) {
    double limit = Math.exp(-mean);
    double product = random.nextDouble();
    int n = 0;
    while (product > limit) {
      product *= random.nextDouble();
      n++;
    }
    return n;
  }

  /** Sessions ended by a pod's removal before their drain time. */
  long broken() {
    return broken;
  }

  /** Sessions that outlived their drain time. */
  long cut() {
    return cut;
  }

  long arrived() {
    return arrived;
  }

  long turnedAway() {
    return turnedAway;
  }

  Duration overload() {
    return Duration.ofSeconds(overloadSeconds);
  }

  double podHours() {
    return podSeconds / 3600.0;
  }

  long sessions() {
    return pods.stream().mapToLong(SimulatedPod::allSessions).sum();
  }

  /** What the sessions need, in servers. */
  double demand() {
    return sessions() / (double) CAPACITY;
  }
}
