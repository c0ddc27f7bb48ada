package io.bolina.registry.fleet;

import io.bolina.registry.model.Source;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Logs that a registry became unavailable, and that it is available again. An outage is one event,
 * but every query of every service notices it, within a moment of each other: so what they report
 * is collected for {@link #COLLECTED} and logged as one line, or as several if the reasons differ.
 */
public final class RegistryAvailability {
  private static final Logger log = LoggerFactory.getLogger(RegistryAvailability.class);
  private static final Duration COLLECTED = Duration.ofSeconds(1);
  private static final ScheduledExecutorService THREAD =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "registry-availability");
            thread.setDaemon(true);
            return thread;
          });

  private final Optional<String> consul;
  private final Duration collected;
  private final Map<Query, Failure> failed = new LinkedHashMap<>();
  private final Set<Query> recovered = new LinkedHashSet<>();
  private Future<?> writing;

  /** What a service goes on with while a query gets no answer; from worst to best. */
  enum Fallback {
    /** No fleet is known, so none is served. */
    NOT_SERVING("registry unavailable; nothing known yet, not serving"),
    /** A fleet is served, without what this query would add. */
    WITHOUT("registry unavailable; nothing known yet, serving without it"),
    LAST_KNOWN("registry unavailable; serving last known state");

    private final String phrase;

    Fallback(String phrase) {
      this.phrase = phrase;
    }
  }

  private record Query(String service, String source) {}

  private record Failure(String reason, Supplier<Fallback> fallback) {}

  /**
   * @param consul the registry's address, for the log; empty if it has none
   */
  public RegistryAvailability(Optional<String> consul) {
    this(consul, COLLECTED);
  }

  /** The same, collecting for another time. */
  RegistryAvailability(Optional<String> consul, Duration collected) {
    this.consul = consul;
    this.collected = collected;
  }

  /**
   * Takes the state of a query before and after an answer or a failure.
   *
   * @param fallback asked when the line is written, since the answer may change meanwhile
   */
  synchronized void update(
      String service, String source, Source last, Source next, Supplier<Fallback> fallback) {
    Query query = new Query(service, source);
    if (next.error().isPresent()) {
      if (last.error().isEmpty()) {
        recovered.remove(query);
        failed.put(query, new Failure(next.error().get(), fallback));
        schedule();
      } else if (failed.containsKey(query)) {
        // The first error of a broken connection differs by query; the next ones are alike.
        failed.put(query, new Failure(next.error().get(), fallback));
      }
    } else if (last.error().isPresent()) {
      recovered.add(query);
      schedule();
    }
  }

  private void schedule() {
    if (writing == null) {
      writing = THREAD.schedule(this::write, collected.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  private void write() {
    Map<Query, Failure> failures;
    Set<Query> recoveries;
    synchronized (this) {
      writing = null;
      failures = new LinkedHashMap<>(failed);
      recoveries = new LinkedHashSet<>(recovered);
      failed.clear();
      recovered.clear();
    }
    byReason(failures).forEach((reason, queries) -> writeFailures(reason, queries, failures));
    lines(recoveries)
        .forEach(
            (sources, services) ->
                about(log.atInfo(), sources, services).log("registry available again"));
  }

  private static Map<String, List<Query>> byReason(Map<Query, Failure> failures) {
    Map<String, List<Query>> byReason = new LinkedHashMap<>();
    failures.forEach(
        (query, failure) ->
            byReason.computeIfAbsent(failure.reason, r -> new ArrayList<>()).add(query));
    return byReason;
  }

  private void writeFailures(String reason, List<Query> queries, Map<Query, Failure> failures) {
    // A service that is not served is not served without its loads either.
    Map<String, Fallback> worst = new TreeMap<>();
    Map<Query, Fallback> fallbacks = new LinkedHashMap<>();
    for (Query query : queries) {
      Fallback fallback = failures.get(query).fallback.get();
      fallbacks.put(query, fallback);
      worst.merge(query.service, fallback, (a, b) -> a.compareTo(b) <= 0 ? a : b);
    }
    for (Fallback fallback : Fallback.values()) {
      List<Query> alike =
          queries.stream()
              .filter(
                  q ->
                      (worst.get(q.service) == Fallback.NOT_SERVING
                              ? Fallback.NOT_SERVING
                              : fallbacks.get(q))
                          == fallback)
              .toList();
      lines(alike)
          .forEach(
              (sources, services) -> {
                LoggingEventBuilder line =
                    about(log.atWarn(), sources, services).addKeyValue("reason", reason);
                if (fallback == Fallback.NOT_SERVING && consul.isPresent()) {
                  line = line.addKeyValue("consul", consul.get());
                }
                line.log(fallback.phrase);
              });
    }
  }

  /** Services by the sources that they have in common, each one line. */
  private static Map<String, String> lines(Iterable<Query> queries) {
    Map<String, Set<String>> sourcesOf = new TreeMap<>();
    queries.forEach(q -> sourcesOf.computeIfAbsent(q.service, s -> new TreeSet<>()).add(q.source));
    Map<String, String> lines = new TreeMap<>();
    sourcesOf.forEach(
        (service, sources) ->
            lines.merge(String.join(",", sources), service, (some, one) -> some + "," + one));
    return lines;
  }

  private static LoggingEventBuilder about(
      LoggingEventBuilder event, String sources, String services) {
    return event.addKeyValue("source", sources).addKeyValue("service", services);
  }
}
