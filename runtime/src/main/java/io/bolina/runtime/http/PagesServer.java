package io.bolina.runtime.http;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.ListenFailed;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A program's pages over HTTP. Each is added with a line that says what it is for, and {@code /}
 * lists them all. The port opens with {@link #start}, when everything behind the pages is wired.
 *
 * <p>Nobody who asks slowly, does not read what is answered, or comes in numbers keeps others from
 * an answer: see {@link PageKind}, {@link PageConnections} and {@link PageHandler}.
 */
public final class PagesServer implements AutoCloseable {
  private static final int LARGEST_HEADER = 8 * 1024;
  private static final int BACKLOG = 128;

  /** What the kernel keeps of an answer that is not read. */
  private static final int SEND_BUFFER = 128 * 1024;

  private static final Logger log = LoggerFactory.getLogger(PagesServer.class);

  private final String program;
  private final HostPort listen;
  private final String setting;
  private final Telemetry telemetry;
  private final List<PageHandler.Page> pages = new ArrayList<>();
  private final Map<PageKind, PageLane> lanes = new EnumMap<>(PageKind.class);
  private final PageConnections connections = new PageConnections(this::count);
  private final Server server;
  private final ServerConnector tcp;
  private Optional<UnixListener> unix = Optional.empty();
  private PageAccess access;

  /**
   * @param program what {@code /} calls it
   * @param setting the key that the address comes from, for an error message
   */
  public PagesServer(String program, HostPort listen, String setting, Telemetry telemetry) {
    this.program = program;
    this.listen = listen;
    this.setting = setting;
    this.telemetry = telemetry;
    this.access = PageAccess.ofThisHost(List.of(listen.host()), Optional.empty());
    QueuedThreadPool threads = new QueuedThreadPool(16, 2);
    threads.setName("pages");
    threads.setDaemon(true);
    this.server = new Server(threads);
    ErrorHandler errors = new ErrorHandler();
    errors.setShowCauses(false);
    errors.setShowStacks(false);
    errors.setShowMessageInTitle(false);
    errors.setDefaultResponseMimeType("text/plain");
    server.setErrorHandler(errors);
    this.tcp = new ServerConnector(server, 1, 1, http());
    tcp.setHost(listen.host());
    tcp.setPort(listen.port());
    tcp.setAcceptQueueSize(BACKLOG);
    tcp.setAcceptedSendBufferSize(SEND_BUFFER);
    tcp.setIdleTimeout(0); // connections have deadlines of ours
    tcp.addBean(connections);
    server.addConnector(tcp);
    for (PageKind kind : PageKind.values()) {
      lanes.put(kind, new PageLane(kind, "page-" + kind.name().toLowerCase(Locale.ROOT)));
    }
    get("/", PageKind.SHORT, "", request -> PageAnswer.text(index()));
  }

  private static HttpConnectionFactory http() {
    HttpConfiguration http = new HttpConfiguration();
    http.setRequestHeaderSize(LARGEST_HEADER);
    http.setSendServerVersion(false);
    http.setSendDateHeader(false);
    http.setUriCompliance(UriCompliance.RFC3986);
    return new HttpConnectionFactory(http);
  }

  /** Who may ask for what. By default: this host, and others for probes and metrics only. */
  public PagesServer access(PageAccess who) {
    access = who;
    return this;
  }

  /** The pages are on a Unix socket as well, for its owner and group. */
  public PagesServer alsoOn(Path socket, String ofSetting) {
    unix = Optional.of(new UnixListener(socket, ofSetting, server, http(), connections));
    return this;
  }

  /** A page that is asked for with GET. */
  public PagesServer get(
      String path, PageKind kind, String purpose, Function<PageRequest, PageAnswer> page) {
    return add("GET", path, kind, purpose, page);
  }

  /** A page that is asked for with GET, and answered when there is an answer. */
  public PagesServer getLater(
      String path, String purpose, Supplier<CompletionStage<PageAnswer>> page) {
    pages.add(new PageHandler.Page("GET", path, PageKind.WAIT, purpose, request -> page.get()));
    return this;
  }

  /** A request that changes something. */
  public PagesServer order(
      String method, String path, String purpose, Function<PageRequest, PageAnswer> page) {
    return add(method, path, PageKind.ORDER, purpose, page);
  }

  private PagesServer add(
      String method,
      String path,
      PageKind kind,
      String purpose,
      Function<PageRequest, PageAnswer> page) {
    pages.add(
        new PageHandler.Page(
            method,
            path,
            kind,
            purpose,
            request -> CompletableFuture.completedFuture(page.apply(request))));
    return this;
  }

  /**
   * A page for probes: 200 {@code ok}, or 503 with the reason.
   *
   * @param problem why not; empty while all is well
   */
  public PagesServer probe(String path, String purpose, Supplier<Optional<String>> problem) {
    return get(
        path,
        PageKind.PROBE,
        purpose,
        request ->
            problem
                .get()
                .map(why -> PageAnswer.text(503, why + "\n"))
                .orElseGet(() -> PageAnswer.text("ok\n")));
  }

  /** {@code /metrics}. */
  public PagesServer metrics() {
    return get(
        "/metrics",
        PageKind.METRICS,
        "metrics for Prometheus",
        request ->
            PageAnswer.of(
                200,
                "text/plain; version=0.0.4; charset=utf-8",
                telemetry.meters().scrape().getBytes(StandardCharsets.UTF_8)));
  }

  /** Opens the port. */
  public void start() throws IOException {
    server.setHandler(new PageHandler(pages, lanes, connections, access, this::refused));
    if (unix.isPresent()) {
      unix.get().prepare();
    }
    try {
      server.start();
      connections.start();
    } catch (Exception e) {
      close();
      throw ListenFailed.on(listen, setting, e);
    }
    if (unix.isPresent()) {
      try {
        unix.get().publish();
      } catch (IOException e) {
        close();
        throw e;
      }
    }
  }

  /** Where it listens; after {@link #start}, with the port that the system chose if it was 0. */
  public HostPort address() {
    return new HostPort(listen.host(), tcp.getLocalPort() < 0 ? listen.port() : tcp.getLocalPort());
  }

  @Override
  public void close() {
    try {
      server.stop();
    } catch (Exception e) {
      log.atDebug().setCause(e).log("pages did not stop as they should");
    }
    unix.ifPresent(UnixListener::remove);
    connections.close();
    lanes.values().forEach(PageLane::close);
  }

  private void count(String reason) {
    telemetry.meters().counter("bolina.pages.refused", "reason", reason).increment();
  }

  private void refused(String reason, String peer) {
    count(reason);
    if (!reason.equals("busy")) {
      telemetry
          .warnings()
          .warn("page-request", peer)
          .addKeyValue("peer", peer)
          .addKeyValue("reason", reason)
          .log("request for a page refused");
    }
  }

  private String index() {
    List<PageHandler.Page> listed =
        pages.stream().filter(page -> !page.purpose().isEmpty()).toList();
    int width = listed.stream().mapToInt(page -> page.path().length()).max().orElse(0);
    StringBuilder text = new StringBuilder(program).append('\n');
    for (PageHandler.Page page : listed) {
      text.append(String.format(Locale.ROOT, "  %-5s", page.method()))
          .append(page.path())
          .append(" ".repeat(width + 2 - page.path().length()))
          .append(page.purpose().replace("\n", "\n" + " ".repeat(width + 9)))
          .append('\n');
    }
    return text.toString();
  }
}
