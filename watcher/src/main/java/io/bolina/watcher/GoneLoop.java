package io.bolina.watcher;

import io.bolina.registry.Catalog;
import io.bolina.registry.GoneReports;
import io.bolina.registry.Registry;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.runtime.Telemetry;
import io.bolina.watcher.gone.PodEnds;
import io.bolina.watcher.gone.PodLife;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says to the registry which servers have ended with their pods, while this Watcher leads, and
 * takes their entries out some time later. A standby looks too, so that what ends between two
 * leaders is said by the next. On a thread of its own, and more often than scaling is planned: the
 * clients of those servers wait for it.
 */
final class GoneLoop implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GoneLoop.class);
  private static final long INTERVAL_MILLIS = 1_500;

  /** How long an entry is left of which the pod is gone: its agent may yet deregister it. */
  private static final Duration ENTRY_KEPT = Duration.ofSeconds(30);

  /** How often the removal of an entry is tried that an agent elsewhere makes again. */
  private static final Duration REMOVAL_PAUSE = Duration.ofMinutes(2);

  private final String service;
  private final Registry.Watch watch;
  private final Workload workload;
  private final GoneReports reports;
  private final Catalog catalog;
  private final BooleanSupplier mayAct;
  private final Telemetry telemetry;
  private final PodEnds ends;
  private final ScheduledExecutorService thread;
  private final Map<String, Instant> removed = new HashMap<>();

  /** Of the entries that others reported, those whose pods existed when they were asked for. */
  private final Set<String> havePods = new HashSet<>();

  private boolean failing;
  private volatile long left;

  /**
   * @param author who says it
   * @param mayAct whether this Watcher leads and may change anything
   */
  GoneLoop(
      String service,
      String author,
      Registry.Watch watch,
      Workload workload,
      GoneReports reports,
      Catalog catalog,
      BooleanSupplier mayAct,
      Telemetry telemetry) {
    this.service = service;
    this.watch = watch;
    this.workload = workload;
    this.reports = reports;
    this.catalog = catalog;
    this.mayAct = mayAct;
    this.telemetry = telemetry;
    this.ends = new PodEnds(author, workload.home());
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread t = new Thread(task, "gone");
              t.setDaemon(true);
              return t;
            });
    telemetry.meters().gauge("bolina.watcher.entries.without.pod", this, loop -> loop.left);
  }

  void start() {
    var rounds =
        thread.scheduleWithFixedDelay(
            this::round, INTERVAL_MILLIS, INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
    log.trace("{}", rounds);
  }

  private void round() {
    try {
      look();
      if (failing) {
        failing = false;
        log.atInfo().addKeyValue("service", service).log("pods of gone servers known again");
      }
    } catch (WorkloadRequestFailed | RegistryWriteFailed e) {
      if (!failing) {
        failing = true;
        log.atWarn()
            .addKeyValue("service", service)
            .addKeyValue("reason", e.getMessage())
            .log("cannot say which servers are gone; retrying");
      }
    } catch (RuntimeException | Error e) { // a thread that ended would not be missed
      log.atError().setCause(e).log("unexpected error in looking for gone servers; retrying");
    }
  }

  private void look() {
    Fleet fleet = watch.current();
    Optional<List<PodLife>> now = workload.pods();
    if (now.isEmpty() || fleet.health().lastUpdate().isEmpty()) {
      return;
    }
    Instant at = telemetry.clock().instant();
    PodEnds.Findings found =
        ends.find(fleet, now.get(), pod -> workload.exists(pod.name(), pod.uid()), at);
    if (!mayAct.getAsBoolean()) {
      // A standby remembers what it saw until the leader has said it: it may lead next.
      if (found.gone().isEmpty()) {
        ends.said(fleet, found);
      }
      left = 0;
      return;
    }
    for (PodEnds.EndedServer ended : found.gone()) {
      reports.report(service, ended.server().id(), ended.report());
      telemetry.meters().counter("bolina.watcher.gone.reports").increment();
      log.atInfo()
          .addKeyValue("service", service)
          .addKeyValue("server", ended.server().id())
          .addKeyValue("address", ended.server().endpoint())
          .addKeyValue("reason", ended.report().reason())
          .log("server reported gone");
    }
    found.alive().forEach(server -> withdraw(server.id()));
    ends.said(fleet, found);
    removeEntries(fleet, at);
  }

  private void withdraw(String id) {
    reports.withdraw(service, id);
    log.atInfo()
        .addKeyValue("service", service)
        .addKeyValue("server", id)
        .log("report withdrawn; the pod of the server runs");
  }

  /**
   * Entries of servers that have ended, and that nobody deregisters: those that this Watcher has
   * reported gone, and those of pods that do not exist, whoever has.
   */
  private void removeEntries(Fleet fleet, Instant now) {
    List<Member> entries = new ArrayList<>();
    for (Member member : fleet.members()) {
      boolean ended =
          member.listed()
              && member.hasEnded()
              && member.health() == Health.CRITICAL
              && (isOwn(member) || workload.home().podOf(member.server()).isPresent());
      if (ended && !now.isBefore(member.gone().get().since().plus(ENTRY_KEPT))) {
        entries.add(member);
      }
    }
    Set<String> current = new HashSet<>();
    long ofNoPod = 0;
    for (Member member : entries) {
      String entry = member.server().id() + " " + member.server().endpoint();
      current.add(entry);
      if (!havePods.contains(entry)) {
        ofNoPod++;
      }
      Instant last = removed.get(entry);
      if (last != null && now.isBefore(last.plus(REMOVAL_PAUSE))) {
        continue;
      }
      removed.put(entry, now);
      if (!isOwn(member) && podExists(member)) {
        havePods.add(entry); // its process has ended, and its container may start again
        continue;
      }
      havePods.remove(entry);
      if (catalog.remove(member.server())) {
        telemetry.meters().counter("bolina.watcher.removed.entries").increment();
        log.atInfo()
            .addKeyValue("service", service)
            .addKeyValue("server", member.server().id())
            .addKeyValue("address", member.server().endpoint())
            .log("entry of a gone server removed from registry");
      }
    }
    left = ofNoPod;
    havePods.retainAll(current);
    removed
        .entrySet()
        .removeIf(
            e -> !current.contains(e.getKey()) && now.isAfter(e.getValue().plus(REMOVAL_PAUSE)));
  }

  private boolean isOwn(Member member) {
    return member.gone().filter(r -> r.by().equals(ends.author())).isPresent();
  }

  private boolean podExists(Member member) {
    return workload
        .home()
        .podOf(member.server())
        .filter(pod -> !workload.exists(pod.name(), pod.uid()))
        .isEmpty();
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
