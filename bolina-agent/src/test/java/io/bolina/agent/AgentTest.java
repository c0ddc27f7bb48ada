package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bolina.agent.probe.Probe;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.WeightSteps;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The agent's threads, on a registry in memory; AgentIT has a real one. */
class AgentTest {
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final AgentConfig CONFIG =
      AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
          .withListen("127.0.0.1", 0)
          // None of these tests waits for a missing report.
          .withReportDeadlines(Duration.ofMinutes(10), Duration.ofMinutes(20));

  private final InMemoryRegistrar registrar = new InMemoryRegistrar();
  private final Telemetry telemetry = Telemetry.create();

  private Agent agent(UnaryOperator<AgentConfig> settings) throws IOException {
    return Agent.start(settings.apply(CONFIG), registrar, telemetry);
  }

  /** A probe that is under way until it is allowed to end, and then finds a problem. */
  private static final class HangingProbe implements Probe {
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch end = new CountDownLatch(1);

    @Override
    public ProbeResult run() {
      begun.countDown();
      try {
        end.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return new ProbeResult(Optional.of("no answer"), OptionalDouble.empty());
    }

    void awaitBegin() throws InterruptedException {
      assertThat(begun.await(LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
    }
  }

  private void awaitHealth(Health health) {
    await().atMost(LONG).until(() -> registrar.health().equals(Optional.of(health)));
  }

  /** Waits until the registry has been asked so often that the last result has been written. */
  private void awaitMoreSynchronizations() {
    int before = registrar.requests();
    await().atMost(LONG).until(() -> registrar.requests() > before + 5);
  }

  @Test
  void a_report_that_comes_while_a_probe_hangs_takes_precedence_over_its_result() throws Exception {
    HangingProbe probe = new HangingProbe();
    try (Agent agent = agent(a -> a.withProbes(List.of(probe)))) {
      probe.awaitBegin();
      agent.report(StatusReport.parse("{\"health\": \"passing\", \"note\": \"all is well\"}"));
      probe.end.countDown();
      await().atMost(LONG).until(() -> !agent.state().probe().running());
      awaitMoreSynchronizations();
      assertThat(registrar.note()).isEqualTo("all is well");
      assertThat(registrar.health()).contains(Health.PASSING);
    }
  }

  @Test
  void a_probe_that_hangs_keeps_nothing_from_being_written() throws Exception {
    HangingProbe probe = new HangingProbe();
    try (Agent agent = agent(a -> a.withProbes(List.of(probe)))) {
      probe.awaitBegin();
      agent.report(StatusReport.parse("{\"health\": \"critical\", \"load\": 0.4}"));
      awaitHealth(Health.CRITICAL);
      await().atMost(LONG).until(() -> registrar.load().equals(Optional.of(LoadReport.of(0.4))));
      assertThat(agent.state().probe().running()).isTrue();
    }
  }

  @Test
  void a_probe_that_throws_is_run_again() throws Exception {
    CountDownLatch rounds = new CountDownLatch(2);
    Probe broken =
        () -> {
          rounds.countDown();
          throw new IllegalStateException();
        };
    try (Agent agent = agent(a -> a.withProbes(List.of(broken)))) {
      assertThat(rounds.await(LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
      awaitHealth(Health.PASSING);
      assertThat(agent.state().latest().report()).isEmpty();
    }
  }

  @Test
  void what_a_probe_finds_is_written() throws Exception {
    Probe dead = () -> new Probe.ProbeResult(Optional.of("no answer"), OptionalDouble.empty());
    try (Agent agent = agent(a -> a.withProbes(List.of(dead)))) {
      awaitHealth(Health.CRITICAL);
      await().atMost(LONG).until(() -> registrar.writes().contains("health CRITICAL"));
      // The first registration waited for it: the server was never passing.
      assertThat(registrar.writes())
          .startsWith("register", "health WARNING")
          .doesNotContain("health PASSING");
      assertThat(registrar.note()).isEqualTo("no answer");
      assertThat(agent.state().latest().fromServer()).isFalse();
    }
  }

  @Test
  void overload_goes_by_the_thresholds_of_the_fleet() throws Exception {
    try (Agent agent =
        agent(a -> a.withThresholds(new LoadThresholds(0.85, WeightSteps.DEFAULT)))) {
      agent.report(StatusReport.parse("{\"load\": 0.84}"));
      awaitHealth(Health.PASSING);
      agent.report(StatusReport.parse("{\"load\": 0.86}"));
      awaitHealth(Health.WARNING);
      assertThat(registrar.note()).isEqualTo("overloaded: load 0.86 is at or above 0.85");
    }
  }

  @Test
  void a_registry_that_loses_everything_gets_everything_again() throws Exception {
    try (Agent agent = agent(a -> a)) {
      agent.report(StatusReport.parse("{\"health\": \"warning\", \"load\": 0.4, \"sessions\": 3}"));
      awaitHealth(Health.WARNING);
      agent.drain(Optional.empty());
      await().atMost(LONG).until(() -> registrar.writes().contains("maintenance true"));
      registrar.loseEverything();
      awaitHealth(Health.WARNING);
      await()
          .atMost(LONG)
          .until(() -> registrar.writes().stream().filter("maintenance true"::equals).count() == 2);
    }
  }

  @Test
  void a_registry_that_fails_is_reported_and_a_hurried_drain_does_not_wait_for_it()
      throws Exception {
    try (Agent agent = agent(a -> a)) {
      agent.report(StatusReport.parse("{\"load\": 0.4, \"sessions\": 3}"));
      awaitHealth(Health.PASSING);
      registrar.setAvailable(false);
      await().atMost(LONG).until(() -> agent.state().registry().problem().isPresent());
      assertThat(agent.state().registry().problem()).contains("the registry does not answer");
      assertThat(agent.drain(Optional.empty())).isTrue();
      assertThat(agent.drain(Optional.empty())).isFalse();
      assertThat(agent.awaitDrained(LONG)).isTrue();
      assertThat(agent.state().registry().end()).contains(AgentState.AgentEnd.NOT_DEREGISTERED);
    }
  }

  @Test
  void who_waits_for_the_end_of_the_drain_is_told_though_it_asks_just_after_it() throws Exception {
    Agent agent = agent(a -> a);
    try {
      agent.report(StatusReport.parse("{\"load\": 0, \"sessions\": 0}"));
      awaitHealth(Health.PASSING);
      assertThat(ask(agent, "PUT", "/v1/drain")).isEqualTo(202);
      agent.report(StatusReport.parse("{\"load\": 0, \"sessions\": 0}"));
      assertThat(agent.awaitDrained(LONG)).isTrue();
      CompletableFuture<Void> closed = CompletableFuture.runAsync(agent::close);
      Thread.sleep(3000); // as a hook of a pod may on a busy machine, between two questions
      assertThat(ask(agent, "GET", "/v1/drained")).isEqualTo(200);
      assertThat(ask(agent, "GET", "/v1/drained")).as("the answer was missed").isEqualTo(200);
      agent.terminate(); // as Kubernetes does when the hook is over and the server has ended
      closed.get(LONG.toSeconds(), TimeUnit.SECONDS);
    } finally {
      agent.close();
    }
  }

  private static int ask(Agent agent, String method, String path) throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + agent.port() + path))
                .method(method, HttpRequest.BodyPublishers.noBody())
                .build(),
            HttpResponse.BodyHandlers.discarding())
        .statusCode();
  }

  @Test
  void maintenance_mode_drains_and_is_not_written_twice() throws Exception {
    try (Agent agent = agent(a -> a)) {
      agent.report(StatusReport.parse("{\"load\": 0.4, \"sessions\": 3}"));
      awaitHealth(Health.PASSING);
      registrar.setMaintenance(true);
      await().atMost(LONG).until(() -> agent.state().isDraining());
      registrar.setMaintenance(false);
      await().atMost(LONG).until(() -> !agent.state().isDraining());
      assertThat(registrar.writes()).doesNotContain("maintenance true");
      // What it began itself is written, also after a drain that was canceled.
      agent.drain(Optional.empty());
      await().atMost(LONG).until(() -> registrar.writes().contains("maintenance true"));
      agent.report(StatusReport.parse("{\"load\": 0, \"sessions\": 0}"));
      assertThat(agent.awaitDrained(LONG)).isTrue();
      assertThat(registrar.writes()).endsWith("deregister");
    }
  }

  @Test
  void a_port_in_use_says_what_to_do_about_it() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      assertThatThrownBy(() -> agent(a -> a.withListen("127.0.0.1", taken.getLocalPort())))
          .isInstanceOf(IOException.class)
          .hasMessage(
              "listen: cannot listen on 127.0.0.1:"
                  + taken.getLocalPort()
                  + ": address already in use; stop the other process, or choose another port; two"
                  + " agents on one host need a different --listen each");
      assertThat(registrar.requests()).isZero();
    }
  }
}
