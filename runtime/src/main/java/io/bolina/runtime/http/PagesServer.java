package io.bolina.runtime.http;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.ListenFailed;
import io.bolina.runtime.Telemetry;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HandlerType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A program's pages over HTTP. Each is added with a line that says what it is for, and {@code /}
 * lists them all. The port opens with {@link #start}, when everything behind the pages is wired.
 */
public final class PagesServer implements AutoCloseable {
  private static final int LARGEST_REQUEST = 16 * 1024;

  private static final Logger log = LoggerFactory.getLogger(PagesServer.class);

  private final String program;
  private final HostPort listen;
  private final String setting;
  private final Javalin http;
  private final List<Page> pages = new ArrayList<>();

  /**
   * One of the pages.
   *
   * @param purpose what it is for; further lines are indented under it
   */
  private record Page(String method, String path, String purpose) {}

  /**
   * @param program what {@code /} calls it
   * @param setting the key that the address comes from, for an error message
   */
  public PagesServer(String program, HostPort listen, String setting) {
    this.program = program;
    this.listen = listen;
    this.setting = setting;
    this.http =
        Javalin.create(
            config -> {
              config.showJavalinBanner = false;
              config.startupWatcherEnabled = false;
              config.http.maxRequestSize = LARGEST_REQUEST;
              // A page now and then needs few threads and little memory.
              config.jetty.threadPool = new QueuedThreadPool(8, 2);
            });
    http.get("/", context -> context.result(index()));
    http.exception(Exception.class, PagesServer::failed);
  }

  /** A page that is asked for with GET. */
  public PagesServer get(String path, String purpose, Handler handler) {
    return add(HandlerType.GET, path, purpose, handler);
  }

  /** A page for any method. */
  public PagesServer add(HandlerType method, String path, String purpose, Handler handler) {
    pages.add(new Page(method.name(), path, purpose));
    http.addHttpHandler(method, path, handler);
    return this;
  }

  /**
   * A page for probes: 200 {@code ok}, or 503 with the reason.
   *
   * @param problem why not; empty while all is well
   */
  public PagesServer probe(String path, String purpose, Supplier<Optional<String>> problem) {
    return get(path, purpose, context -> answer(context, problem.get()));
  }

  /** {@code /metrics}. */
  public PagesServer metrics(Telemetry telemetry) {
    return get(
        "/metrics",
        "metrics for Prometheus",
        context ->
            context
                .contentType("text/plain; version=0.0.4; charset=utf-8")
                .result(telemetry.meters().scrape()));
  }

  /** Opens the port. */
  public void start() throws IOException {
    try {
      http.start(listen.host(), listen.port());
    } catch (RuntimeException e) {
      http.stop();
      throw ListenFailed.on(listen, setting, e);
    }
  }

  /** Where it listens; after {@link #start}, with the port that the system chose if it was 0. */
  public HostPort address() {
    return new HostPort(listen.host(), http.port() < 0 ? listen.port() : http.port());
  }

  @Override
  public void close() {
    http.stop();
  }

  private static void failed(Exception failure, Context context) {
    log.atError().addKeyValue("path", context.path()).setCause(failure).log("page failed");
    context.status(500).result("internal error; see the log\n");
  }

  private String index() {
    int width = pages.stream().mapToInt(page -> page.path().length()).max().orElse(0);
    StringBuilder text = new StringBuilder(program).append('\n');
    for (Page page : pages) {
      text.append(String.format(Locale.ROOT, "  %-5s", page.method()))
          .append(page.path())
          .append(" ".repeat(width + 2 - page.path().length()))
          .append(page.purpose().replace("\n", "\n" + " ".repeat(width + 9)))
          .append('\n');
    }
    return text.toString();
  }

  private static void answer(Context context, Optional<String> problem) {
    if (problem.isPresent()) {
      context.status(503).result(problem.get() + "\n");
    } else {
      context.result("ok\n");
    }
  }
}
