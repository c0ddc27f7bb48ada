package io.bolina.controlplane.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import io.bolina.runtime.HostPort;
import io.javalin.Javalin;
import io.javalin.http.Context;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Supplier;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** Serves the admin pages over HTTP. */
public final class AdminServer implements AutoCloseable {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new Jdk8Module())
          .addModule(new JavaTimeModule())
          .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private static final String INDEX =
      """
      Bolina control plane
        /healthz   200 while the process works
        /readyz    200 once the first fleet is served
        /metrics   for Prometheus
        /fleet     the servers, what was decided about each and why, and the Envoys (JSON)
      """;

  private final Javalin http;

  /**
   * @param whyNotReady empty once the first fleet is served
   * @throws IOException if the address cannot be listened on
   */
  public AdminServer(
      HostPort listen,
      Supplier<String> metrics,
      Supplier<Optional<String>> whyNotReady,
      Supplier<FleetPage> fleet)
      throws IOException {
    http =
        Javalin.create(
            config -> {
              config.showJavalinBanner = false;
              config.startupWatcherEnabled = false;
              // A page now and then needs few threads and little memory.
              config.jetty.threadPool = new QueuedThreadPool(8, 2);
            });
    http.get("/", context -> context.result(INDEX));
    http.get("/healthz", context -> context.result("ok\n"));
    http.get("/readyz", context -> readyz(context, whyNotReady.get()));
    http.get(
        "/metrics",
        context ->
            context.contentType("text/plain; version=0.0.4; charset=utf-8").result(metrics.get()));
    http.get(
        "/fleet", context -> context.contentType("application/json").result(json(fleet.get())));
    try {
      http.start(listen.host(), listen.port());
    } catch (RuntimeException e) {
      http.stop();
      throw new IOException("cannot listen on " + listen + " for the admin pages: " + root(e), e);
    }
  }

  public int port() {
    return http.port();
  }

  @Override
  public void close() {
    http.stop();
  }

  private static void readyz(Context context, Optional<String> whyNotReady) {
    if (whyNotReady.isPresent()) {
      context.status(503).result("not ready: " + whyNotReady.get() + "\n");
    } else {
      context.result("ready\n");
    }
  }

  private static String json(FleetPage page) {
    try {
      return JSON.writeValueAsString(page) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the fleet cannot be written as JSON", e);
    }
  }

  private static String root(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return String.valueOf(cause.getMessage());
  }
}
