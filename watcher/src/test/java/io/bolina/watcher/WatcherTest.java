package io.bolina.watcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bolina.registry.Registry;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminAccess;
import io.bolina.watcher.planning.WatchSettings;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WatcherTest {
  private static final Duration INTERVAL = Duration.ofMillis(100);

  private final SettableClock clock = new SettableClock();
  private final Telemetry telemetry = Telemetry.create(clock);
  private final InMemoryWorkload workload = new InMemoryWorkload();
  private final InMemoryRegistry registry = new InMemoryRegistry(FleetSettings.DEFAULTS, telemetry);
  private final AtomicBoolean exited = new AtomicBoolean();
  private final ByHand leadership = new ByHand();
  private final CountDownLatch goOn = new CountDownLatch(1);
  private Watcher watcher;
  private Registry.Watch watch;

  /** Leads, and remembers what it may ask. */
  private static final class ByHand implements Leadership {
    private volatile Supplier<Optional<String>> inability;
    private volatile boolean leads = true;

    @Override
    public void stand(Supplier<Optional<String>> newInability) {
      inability = newInability;
    }

    @Override
    public boolean leading() {
      return leads;
    }

    @Override
    public String leader() {
      return "this one";
    }

    @Override
    public void close() {}
  }

  @AfterEach
  void close() {
    goOn.countDown();
    if (watch != null) {
      watch.close();
    }
    if (watcher != null) {
      watcher.close();
    }
    registry.close();
  }

  @Test
  void a_loop_that_hangs_is_unhealthy_measured_and_unable_to_lead() throws Exception {
    start();
    awaitRounds(2);
    assertThat(health().statusCode()).isEqualTo(200);

    AtomicBoolean hangs = new AtomicBoolean();
    workload.beforeObservation(
        () -> {
          hangs.set(true);
          awaitUninterruptibly(goOn);
        });
    await().untilTrue(hangs);
    clock.advance(Duration.ofMinutes(2));
    assertThat(health().statusCode()).as("slow, but an API may be").isEqualTo(200);
    assertThat(leadership.inability.get()).isEmpty();
    clock.advance(Duration.ofMinutes(2));
    assertThat(health().statusCode()).isEqualTo(503);
    assertThat(health().body()).contains("the scaling loop has made no progress for 240 s");
    assertThat(leadership.inability.get()).isPresent();
    assertThat(page("/metrics").body()).contains("\nbolina_watcher_loop_age_seconds 240.0\n");

    workload.beforeObservation(() -> {});
    goOn.countDown();
    await().until(() -> health().statusCode() == 200 && leadership.inability.get().isEmpty());
  }

  @Test
  void an_error_in_the_loop_ends_the_process() throws Exception {
    workload.beforeObservation(
        () -> {
          throw new StackOverflowError("as an example");
        });
    start();
    await().untilTrue(exited);
  }

  @Test
  void an_exception_costs_a_round_and_no_more() throws Exception {
    AtomicInteger failures = new AtomicInteger();
    workload.beforeObservation(
        () -> {
          if (failures.incrementAndGet() <= 2) {
            throw new IllegalStateException("as an example");
          }
        });
    start();
    await().until(() -> failures.get() >= 2 && watcher.explain().contains("has 0 replicas"));
    assertThat(exited).isFalse();
  }

  @Test
  void a_loop_whose_rounds_all_fail_makes_no_progress() throws Exception {
    workload.beforeObservation(
        () -> {
          throw new IllegalStateException("as an example");
        });
    start();
    awaitRounds(1);
    clock.advance(Duration.ofMinutes(4));
    awaitRounds(2);
    assertThat(health().statusCode()).isEqualTo(503);
    assertThat(watcher.explain()).contains("SUSPENDED: unexpected error: ");
  }

  @Test
  void it_does_not_stand_for_election_before_its_port_is_open() throws Exception {
    try (ServerSocket taken = new ServerSocket(0)) {
      assertThatThrownBy(() -> start(taken.getLocalPort()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("address already in use");
    }
    assertThat(leadership.inability).isNull();
    assertThat(workload.observations).hasValue(0);
  }

  @Test
  void the_first_page_lists_the_others() throws Exception {
    start();
    assertThat(page("/").body()).contains("/healthz", "/explain", "/metrics");
  }

  @Test
  void only_who_leads_posts_events() throws Exception {
    leadership.leads = false;
    start();
    registry.fail("as an example");
    Thread.sleep(1500); // of some rounds that there must not be
    assertThat(workload.events).isEmpty();
    assertThat(workload.observations).hasValue(0);

    leadership.leads = true;
    await().until(() -> !workload.events.isEmpty());
  }

  @Test
  void who_loses_the_lead_in_a_round_posts_no_event_of_it() throws Exception {
    AtomicBoolean lost = new AtomicBoolean();
    workload.beforeObservation(
        () -> {
          leadership.leads = false;
          lost.set(true);
        });
    start();
    await().untilTrue(lost);
    await().until(() -> watcher.explain().startsWith("standby"));
    Thread.sleep(1000);
    assertThat(workload.observations).hasValue(1);
    assertThat(workload.events).isEmpty();
  }

  @Test
  void entries_of_pods_that_do_not_exist_are_removed_whoever_said_that_they_have_ended()
      throws Exception {
    for (int i = 1; i <= 9; i++) { // or so many reports at once would be held
      registry.register(
          new Server("m-" + i, "bolina", "10.0.1." + i, 7000, "", Map.of()), Health.PASSING);
    }
    register("ghost", "games");
    register("runs", "games");
    register("elsewhere", "others");
    register("unseen", "games");
    workload.exist.add("uid-runs");
    for (String id : List.of("ghost", "runs", "elsewhere")) {
      registry.report("bolina", id, GoneReport.of(server(id, ""), "ann", clock.instant(), "ended"));
    }
    start();
    await().until(() -> gone("unseen").filter(by -> by.startsWith("watcher")).isPresent());
    clock.advance(Duration.ofSeconds(29));
    Thread.sleep(2000);
    assertThat(registered()).contains("ghost", "unseen");
    clock.advance(Duration.ofSeconds(2));
    await().atMost(Duration.ofSeconds(20)).until(() -> registered().size() == 2);
    assertThat(registered()).containsExactlyInAnyOrder("runs", "elsewhere");
    clock.advance(Duration.ofMinutes(3));
    Thread.sleep(2000);
    assertThat(registered()).containsExactlyInAnyOrder("runs", "elsewhere");
  }

  private static Server server(String id, String namespace) {
    int port = 7000 + Math.floorMod(id.hashCode(), 1000);
    return new Server(
        id,
        "bolina",
        "10.0.0.1",
        port,
        "",
        Map.of(
            "pod", id, "pod-uid", "uid-" + id, "pod-namespace", namespace, "pod-cluster", "here"));
  }

  private void register(String id, String namespace) {
    registry.register(server(id, namespace), Health.CRITICAL);
  }

  private List<String> registered() {
    return fleet()
        .filter(Member::listed)
        .map(m -> m.server().id())
        .filter(id -> !id.startsWith("m-"))
        .toList();
  }

  private Optional<String> gone(String id) {
    return fleet()
        .filter(m -> m.server().id().equals(id))
        .flatMap(m -> m.gone().stream())
        .map(GoneReport::by)
        .findFirst();
  }

  private Stream<Member> fleet() {
    if (watch == null) {
      watch = registry.watch("bolina", Optional.empty(), fleet -> {});
    }
    return watch.current().members().stream();
  }

  private void start() throws IOException {
    start(0);
  }

  private void start(int port) throws IOException {
    watcher =
        Watcher.start(
            new WatcherConfig(
                "bolina",
                WatchSettings.between(1, 5),
                INTERVAL,
                false,
                "0.0.0.0",
                port,
                AdminAccess.DEFAULTS),
            registry,
            new RegistryWriters(registry, registry, registry),
            workload,
            leadership,
            telemetry,
            new ExitOnError(() -> exited.set(true)));
  }

  /** Waits until so many more rounds have begun. */
  private void awaitRounds(int count) {
    int before = workload.observations.get();
    await().until(() -> workload.observations.get() >= before + count);
  }

  private HttpResponse<String> health() throws Exception {
    return page("/healthz");
  }

  private HttpResponse<String> page(String path) throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + watcher.port() + path)).build(),
            HttpResponse.BodyHandlers.ofString());
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    while (true) {
      try {
        latch.await();
        return;
      } catch (InterruptedException e) {
        // It hangs, come what may.
      }
    }
  }
}
