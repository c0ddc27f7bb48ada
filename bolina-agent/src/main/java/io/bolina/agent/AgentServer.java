package io.bolina.agent;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.javalin.Javalin;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The local interface by which a server tells its agent how it is, and an operator drains it. */
final class AgentServer implements AutoCloseable {
  private static final int LARGEST_REPORT = 16 * 1024;

  private static final String INDEX =
      """
      Bolina agent
        PUT  /v1/status   {"health": "passing", "note": "", "load": 0.42, "sessions": 318, "metrics": {"cpu": 0.37}}
                          answers {"draining": false, "over": false}; when over, the server may stop
        POST /v1/drain    take the server out of service; a second time: do not wait
        PUT  /v1/drain    the same, however often: always waits for the sessions
        GET  /v1/drain    what is still waited for
        GET  /v1/drained  200 once the server is drained and deregistered, for which it waits up to 10 s; else 503
        GET  /startedz    200 once the server has been open to clients: registered, and not critical
        GET  /healthz     200 while the agent works and the registry takes what it is told
        GET  /metrics     for Prometheus
      """;

  private static final Duration LONGEST_HOLD = Duration.ofSeconds(10);
  private static final Logger log = LoggerFactory.getLogger(AgentServer.class);
  private static final JsonMapper JSON = new JsonMapper();

  private final Javalin http;
  private final Agent agent;
  private final AtomicInteger asking = new AtomicInteger();

  /**
   * @throws IOException if the address cannot be listened on
   */
  AgentServer(String host, int port, Agent agent, Supplier<String> metrics) throws IOException {
    this.agent = agent;
    http =
        Javalin.create(
            config -> {
              config.showJavalinBanner = false;
              config.startupWatcherEnabled = false;
              config.http.maxRequestSize = LARGEST_REPORT;
              config.jetty.threadPool = new QueuedThreadPool(8, 2);
            });
    http.get("/", context -> context.result(INDEX));
    http.put("/v1/status", this::status);
    http.post("/v1/drain", this::drain);
    http.put("/v1/drain", this::drainPatiently);
    http.get("/v1/drained", this::drained);
    http.get("/startedz", this::startedz);
    http.get("/v1/drain", context -> context.result(agent.progress().waitsFor() + "\n"));
    http.get("/healthz", this::healthz);
    http.get(
        "/metrics",
        context ->
            context.contentType("text/plain; version=0.0.4; charset=utf-8").result(metrics.get()));
    try {
      http.start(host, port);
    } catch (RuntimeException e) {
      http.stop();
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(
          "cannot listen on "
              + host
              + ":"
              + port
              + " for the server's reports: "
              + cause.getMessage(),
          e);
    }
  }

  int port() {
    return http.port();
  }

  /** Those who asked whether the drain is over are told before the agent is gone. */
  @Override
  public void close() {
    try {
      for (int i = 0; i < 100 && asking.get() > 0; i++) {
        Thread.sleep(10);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    http.stop();
  }

  private void status(Context context) {
    try {
      agent.report(StatusReport.parse(context.body()));
      Drain.Progress progress = agent.progress();
      context
          .contentType("application/json")
          .result(
              JSON.createObjectNode()
                      .put("draining", agent.isDraining())
                      .put("over", progress.over())
                  + "\n");
    } catch (IllegalArgumentException e) {
      agent.refused(e.getMessage());
      context.status(400).result(e.getMessage() + "\n");
    }
  }

  private void drain(Context context) {
    boolean first = agent.drain();
    context
        .status(202)
        .result(
            (first ? "draining: " : "no longer waiting: ") + agent.progress().waitsFor() + "\n");
  }

  /** For a hook that may be run twice, as Kubernetes does with a preStop hook after its restart. */
  private void drainPatiently(Context context) {
    if (!agent.isDraining()) {
      agent.drain();
    }
    context.status(202).result("draining: " + agent.progress().waitsFor() + "\n");
  }

  private void drained(Context context) {
    asking.incrementAndGet();
    try {
      boolean over = agent.awaitDrained(LONGEST_HOLD);
      String answer = (over ? "drained" : agent.progress().waitsFor()) + "\n";
      context.status(over ? 200 : 503);
      // On its way before this one no longer counts: the agent may end the next moment.
      context.outputStream().write(answer.getBytes(StandardCharsets.UTF_8));
      context.outputStream().flush();
    } catch (IOException e) {
      log.debug("whoever asked has gone", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      context.status(503).result("the agent ends\n");
    } finally {
      asking.decrementAndGet();
    }
  }

  private void startedz(Context context) {
    if (agent.wasOpen()) {
      context.result("ok\n");
    } else {
      context
          .status(503)
          .result(agent.trouble().orElse("the server has not been open to clients yet") + "\n");
    }
  }

  private void healthz(Context context) {
    agent
        .trouble()
        .ifPresentOrElse(
            why -> context.status(503).result(why + "\n"), () -> context.result("ok\n"));
  }
}
