package io.bolina.agent;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.registry.ServerToken;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.ListenFailed;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.PageAnswer;
import io.bolina.runtime.http.PageKind;
import io.bolina.runtime.http.PageRequest;
import io.bolina.runtime.http.PagesServer;
import io.bolina.runtime.setting.SettingType;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** An agent's pages: here its server reports, and an operator drains it. */
final class AgentPages implements AutoCloseable {
  private static final Duration LONGEST_HOLD = Duration.ofSeconds(10);

  /**
   * Whoever waits for the end of the drain, and was told that it is not over, asks again by then:
   * the hook of a pod has little of a busy machine's processors. In a pod this is over with
   * SIGTERM, which an agent gets when its server has ended.
   */
  private static final Duration ASKS_AGAIN = Duration.ofMinutes(1);

  /** The same when the agent was told to end itself. */
  private static final Duration ASKS_AGAIN_TERMINATED = Duration.ofSeconds(2);

  /** Whoever was told that it is over may no longer have listened, and then asks again by then. */
  private static final Duration MISSED_ANSWER = Duration.ofSeconds(5);

  private static final String STATUS = "/v1/status";
  private static final String GOODBYE = "/v1/goodbye";
  private static final JsonMapper JSON = new JsonMapper();

  private final Agent agent;
  private final String server;
  private final String token;
  private final Telemetry telemetry;
  private final PagesServer pages;
  private final AtomicInteger waiting = new AtomicInteger();

  /** The last answer to somebody who waits for the end of the drain. */
  private final AtomicReference<Optional<Told>> told = new AtomicReference<>(Optional.empty());

  private record Told(boolean over, long atNanos) {
    static Optional<Told> now(boolean over) {
      return Optional.of(new Told(over, System.nanoTime()));
    }

    boolean mayAskAgain(boolean terminated) {
      Duration longest = terminated ? ASKS_AGAIN_TERMINATED : ASKS_AGAIN;
      if (over) {
        longest = terminated ? Duration.ZERO : MISSED_ANSWER;
      }
      return System.nanoTime() - atNanos < longest.toNanos();
    }
  }

  AgentPages(Agent agent, AgentConfig config, Telemetry telemetry) {
    this.agent = agent;
    this.server = config.server().id();
    this.token = ServerToken.of(config.server());
    this.telemetry = telemetry;
    this.pages =
        new PagesServer(
                "Bolina agent",
                new HostPort(config.listenHost(), config.listenPort()),
                "listen",
                telemetry)
            .access(config.access().on(config.listenHost()))
            .order(
                "PUT",
                STATUS,
                """
                the server's report: {"health": "passing", "note": "", "load": 0.42, "sessions": 318, "metrics": {"cpu": 0.37}}
                answers {"draining": false, "over": false, "token": "3e49…"}; when over, the server may stop""",
                this::status)
            .order(
                "PUT",
                GOODBYE,
                """
                the server ends, and its clients are given another at once; may say why: {"reason": "update"}
                a later report of it means that it lives""",
                this::goodbye)
            .order(
                "POST",
                "/v1/drain",
                "take the server out of service, ?within=110s at most; a second time: do not wait for sessions",
                this::drain)
            .order(
                "PUT",
                "/v1/drain",
                "the same, however often: always waits for sessions",
                this::drainPatiently)
            .get(
                "/v1/drain",
                PageKind.SHORT,
                "what draining still waits for",
                request -> PageAnswer.text(agent.progress().waitsFor() + "\n"))
            .getLater(
                "/v1/drained",
                "200 once the server is drained and deregistered, for which it waits up to 10 s; else 503",
                this::drained)
            .get(
                "/v1/token",
                PageKind.SHORT,
                "the token by which its clients' datagrams may name the server, in hexadecimal",
                request -> PageAnswer.text(token + "\n"))
            .probe(
                "/startedz",
                "200 once the server has been open to clients: registered, and not critical",
                this::whyNotStarted)
            .probe(
                "/healthz",
                "200 while the agent works and the registry answers",
                () -> agent.state().registry().problem())
            .metrics();
    config.access().socket().ifPresent(file -> pages.alsoOn(file, AgentAccess.SOCKET.key()));
  }

  /** Opens the port. */
  void start() throws IOException {
    try {
      pages.start();
    } catch (ListenFailed e) {
      throw e.withHint("two agents on one host need a different --listen each");
    }
  }

  int port() {
    return pages.address().port();
  }

  /** The URL for reports. */
  String reportTo() {
    return "http://" + pages.address() + STATUS;
  }

  /**
   * Whoever waits for the end of the drain has the answer before the agent is gone, also if it is
   * just between two questions.
   */
  @Override
  public void close() {
    try {
      for (int i = 0; i < 100 && waiting.get() > 0; i++) {
        Thread.sleep(10);
      }
      while (agent.isDrained()
          && told.get().filter(t -> t.mayAskAgain(agent.isTerminated())).isPresent()) {
        Thread.sleep(10);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    pages.close();
  }

  private PageAnswer status(PageRequest request) {
    StatusReport report;
    try {
      report = StatusReport.parse(request.body());
    } catch (IllegalArgumentException e) {
      telemetry
          .warnings()
          .warn("status-report", server)
          .addKeyValue("server", server)
          .addKeyValue("reason", e.getMessage())
          .log("report rejected");
      return PageAnswer.text(400, e.getMessage() + "\n");
    }
    agent.report(report);
    return PageAnswer.json(
        JSON.createObjectNode()
                .put("draining", agent.state().isDraining())
                .put("over", agent.progress().over())
                .put("token", token)
            + "\n");
  }

  private PageAnswer goodbye(PageRequest request) {
    String reason;
    try {
      reason = StatusReport.goodbyeReason(request.body());
    } catch (IllegalArgumentException e) {
      // Whatever it wanted to say besides: it says that it ends.
      telemetry
          .warnings()
          .warn("goodbye", server)
          .addKeyValue("server", server)
          .addKeyValue("reason", e.getMessage())
          .log("reason of a goodbye cannot be read");
      reason = "";
    }
    agent.goodbye("the server said goodbye" + (reason.isEmpty() ? "" : ": " + reason));
    return PageAnswer.text(202, "goodbye\n");
  }

  private PageAnswer drain(PageRequest request) {
    Optional<Duration> within;
    try {
      within = within(request);
    } catch (IllegalArgumentException e) {
      return PageAnswer.text(400, e.getMessage() + "\n");
    }
    boolean first = agent.drain(within);
    return PageAnswer.text(
        202, (first ? "draining: " : "no longer waiting: ") + agent.progress().waitsFor() + "\n");
  }

  /** How long a drain may take: the time that a machine has left, for instance. */
  private static Optional<Duration> within(PageRequest request) {
    return request.parameter("within").map(SettingType.time()::parse);
  }

  /** For a hook that may be run twice, as Kubernetes does with a preStop hook after its restart. */
  private PageAnswer drainPatiently(PageRequest request) {
    try {
      agent.drainPatiently(within(request));
    } catch (IllegalArgumentException e) {
      return PageAnswer.text(400, e.getMessage() + "\n");
    }
    told.set(Told.now(false));
    return PageAnswer.text(202, "draining: " + agent.progress().waitsFor() + "\n");
  }

  /** No thread waits; and whoever does counts until the answer is on its way. */
  private CompletionStage<PageAnswer> drained() {
    waiting.incrementAndGet();
    return agent
        .drainedWithin(LONGEST_HOLD)
        .thenApply(
            over ->
                PageAnswer.text(
                        over ? 200 : 503, (over ? "drained" : agent.progress().waitsFor()) + "\n")
                    .whenEnded(
                        () -> {
                          told.set(Told.now(over));
                          waiting.decrementAndGet();
                        }));
  }

  private Optional<String> whyNotStarted() {
    return agent.state().registry().wasOpen()
        ? Optional.empty()
        : agent
            .state()
            .registry()
            .problem()
            .or(() -> Optional.of("the server has not been open to clients yet"));
  }
}
