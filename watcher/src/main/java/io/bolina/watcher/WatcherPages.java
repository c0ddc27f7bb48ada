package io.bolina.watcher;

import io.javalin.Javalin;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Supplier;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** The Watcher's admin pages. */
final class WatcherPages implements AutoCloseable {
  private static final String INDEX =
      """
      Bolina watcher
        /healthz   200 while it reckons, or stands by for the one that does
        /explain   its current reckoning, for people
        /metrics   for Prometheus
      """;

  private final Javalin http;

  /**
   * @param unwell why it is not well; empty while it is
   * @throws IOException if the address cannot be listened on
   */
  WatcherPages(
      String host,
      int port,
      Supplier<Optional<String>> unwell,
      Supplier<String> explanation,
      Supplier<String> metrics)
      throws IOException {
    http =
        Javalin.create(
            config -> {
              config.showJavalinBanner = false;
              config.startupWatcherEnabled = false;
              config.jetty.threadPool = new QueuedThreadPool(8, 2);
            });
    http.get("/", context -> context.result(INDEX));
    http.get(
        "/healthz",
        context ->
            unwell
                .get()
                .ifPresentOrElse(
                    why -> context.status(503).result(why + "\n"), () -> context.result("ok\n")));
    http.get("/explain", context -> context.result(explanation.get()));
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
          "cannot listen on " + host + ":" + port + " for the admin pages: " + cause.getMessage(),
          e);
    }
  }

  int port() {
    return http.port();
  }

  @Override
  public void close() {
    http.stop();
  }
}
