package io.bolina.watcher.gone;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Server;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Finds the servers whose pods have ended. Remembers which server ran in which pod: the server is
 * reported as it was registered then, so that a next pod of the same name, even at the same
 * address, is not meant. Of one thread.
 *
 * <p>That a pod is not listed is no knowledge: it is asked for by its name before anything is said.
 */
public final class PodEnds {
  /** Where a server may say which pod it runs in: another pod of its name is not meant. */
  public static final String POD_UID = "pod-uid";

  /** How many pods that were never seen are asked for in one look. */
  private static final int ASKED_AT_ONCE = 20;

  private final String author;
  private final PodHome home;

  /** By the uid of the pod. */
  private Map<String, Seen> seen = new HashMap<>();

  /** What becomes {@link #seen} once everything that was found has been said. */
  private Map<String, Seen> next = new HashMap<>();

  /** The uid of the pod with which each server ended; of servers that are known still. */
  private final Map<Server, String> reported = new HashMap<>();

  private record Seen(PodLife pod, Optional<Server> server) {}

  /**
   * What is to be said.
   *
   * @param gone servers that have ended
   * @param alive servers that this author reported and that live
   */
  public record Findings(List<EndedServer> gone, List<Server> alive) {}

  /** A server that has ended. */
  public record EndedServer(Server server, String pod, String podUid, GoneReport report) {}

  /**
   * @param author who says it
   * @param home where the pods are that can be asked for
   */
  public PodEnds(String author, PodHome home) {
    this.author = author;
    this.home = home;
  }

  /** Who says it. */
  public String author() {
    return author;
  }

  /**
   * Compares what there is with what there was. It finds the same again until {@link #said} is
   * called: what could not be written is not forgotten.
   *
   * @param pods all pods of the target, those included that have ended
   * @param exists whether there still is a pod of this name and uid: asked only about pods that are
   *     not listed
   */
  public Findings find(Fleet fleet, List<PodLife> pods, Predicate<PodLife> exists, Instant now) {
    Map<String, List<Member>> byPodName = new HashMap<>();
    for (Member member : fleet.members()) {
      byPodName.computeIfAbsent(podName(member.server()), n -> new ArrayList<>(1)).add(member);
    }
    next = new HashMap<>();
    Map<Server, String> owners = new HashMap<>(reported);
    seen.forEach((uid, was) -> was.server().ifPresent(server -> owners.putIfAbsent(server, uid)));
    List<EndedServer> gone = new ArrayList<>();
    List<Server> alive = new ArrayList<>();
    for (PodLife pod : pods) {
      Optional<Seen> before = Optional.ofNullable(seen.get(pod.uid()));
      Optional<Member> member = memberOf(pod, byPodName, owners);
      if (pod.hasEnded()) {
        before
            .flatMap(Seen::server)
            .or(() -> member.map(Member::server))
            .ifPresent(server -> report(gone, fleet, server, pod, pod.ended(), now));
        next.put(pod.uid(), new Seen(pod, before.flatMap(Seen::server)));
        continue;
      }
      member
          .filter(m -> m.gone().filter(r -> r.by().equals(author)).isPresent())
          .ifPresent(m -> alive.add(m.server()));
      Optional<Server> server = member.map(Member::server).or(() -> before.flatMap(Seen::server));
      before
          .filter(b -> !b.pod().ip().isEmpty() && !pod.ip().isEmpty())
          .filter(b -> !b.pod().ip().equals(pod.ip()))
          .flatMap(Seen::server)
          .filter(s -> !s.address().equals(pod.ip()))
          .ifPresent(s -> report(gone, fleet, s, pod, "has another address now", now));
      next.put(pod.uid(), new Seen(pod, server));
    }
    for (Seen was : seen.values()) {
      if (next.containsKey(was.pod().uid())) {
        continue;
      }
      if (exists.test(was.pod())) {
        next.put(was.pod().uid(), was); // not listed, and there: nothing is known
      } else {
        was.server().ifPresent(s -> report(gone, fleet, s, was.pod(), "was deleted", now));
      }
    }
    neverSeen(fleet, pods, exists)
        .forEach((server, pod) -> report(gone, fleet, server, pod, "does not exist", now));
    return new Findings(gone, alive);
  }

  /**
   * Servers of pods that ended when nobody looked: critical, and nobody says that they have ended,
   * but there is no such pod.
   */
  private Map<Server, PodLife> neverSeen(
      Fleet fleet, List<PodLife> pods, Predicate<PodLife> exists) {
    Set<String> known = new HashSet<>(next.keySet());
    pods.forEach(pod -> known.add(pod.uid()));
    Map<Server, PodLife> gone = new HashMap<>();
    int asked = 0;
    for (Member member : fleet.members()) {
      Optional<PodLife> pod = home.podOf(member.server());
      if (pod.isEmpty()
          || known.contains(pod.get().uid())
          || seen.containsKey(pod.get().uid())
          || member.health() != Health.CRITICAL
          || !member.listed()
          || member.gone().isPresent()) {
        continue;
      }
      if (asked++ == ASKED_AT_ONCE) {
        break;
      }
      if (!exists.test(pod.get())) {
        gone.put(member.server(), pod.get());
      }
    }
    return gone;
  }

  /** Everything that was found last has been written. */
  public void said(Fleet fleet, Findings found) {
    seen = next;
    found.gone().forEach(ended -> reported.put(ended.server(), ended.podUid()));
    found.alive().forEach(reported::remove);
    Set<Server> known = new HashSet<>();
    fleet.members().forEach(member -> known.add(member.server()));
    reported.keySet().retainAll(known);
  }

  private void report(
      List<EndedServer> gone, Fleet fleet, Server server, PodLife pod, String why, Instant now) {
    boolean known =
        fleet.members().stream().anyMatch(m -> m.server().equals(server) && m.gone().isEmpty());
    if (known) {
      gone.add(
          new EndedServer(
              server,
              pod.name(),
              pod.uid(),
              GoneReport.of(server, author, now, "pod " + pod.name() + " " + why)));
    }
  }

  /**
   * The server in a pod. A registration that belonged to an earlier pod of the name is not the new
   * pod's, even at the same address. Without an incarnation the two cannot be told apart.
   */
  private static Optional<Member> memberOf(
      PodLife pod, Map<String, List<Member>> byPodName, Map<Server, String> owners) {
    return byPodName.getOrDefault(pod.name(), List.of()).stream()
        .filter(m -> pod.ip().isEmpty() || m.server().address().equals(pod.ip()))
        .filter(
            m -> {
              String uid = m.server().metadata().getOrDefault(POD_UID, pod.uid());
              return uid.equals(pod.uid());
            })
        .filter(
            m ->
                m.server().incarnation().isEmpty()
                    || owners.getOrDefault(m.server(), pod.uid()).equals(pod.uid()))
        .findFirst();
  }

  private static String podName(Server server) {
    return server.metadata().getOrDefault("pod", server.id());
  }
}
