package io.bolina.sandbox.consul;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between a control plane and Consul and, on command, makes Consul fail in one way or
 * another. A fault takes hold at once, of the queries that are under way too.
 */
public final class ConsulFront implements AutoCloseable {
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private static final Set<String> NOT_FORWARDED =
      Set.of("connection", "content-length", "transfer-encoding");

  private final URI consul;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool(ConsulFront::daemon);
  private final Set<PendingQuery> underWay = ConcurrentHashMap.newKeySet();
  private final AtomicInteger queries = new AtomicInteger();
  private volatile Optional<Fault> fault = Optional.empty();
  private volatile String failingPath = "";

  /** A way in which a registry fails. */
  public enum Fault {
    /** The connection is closed without an answer. */
    CUT_OFF,
    /** The connection stays open without an answer. */
    SILENT,
    /** Status 500. */
    ERROR,
    /** Status 429. */
    TOO_MANY,
    /** Status 200 and a web page. */
    GARBAGE,
    /** Status 200 and JSON of another shape. */
    OTHER_JSON,
    /** The connection is closed in the middle of the body. */
    HALF_A_BODY,
    /** Status 200, a plausible index and no server at all. */
    EMPTY,
    /**
     * What a real Consul server answers that has just become leader and has not replayed its log
     * yet (seen on 1.22.3): status 404 and a small index. It refuses consistent reads.
     */
    REPLAYING,
    /** The real answer of a Consul server that has no leader. */
    NO_LEADER
  }

  private static final class PendingQuery {
    private final CompletableFuture<HttpResponse<byte[]>> answer;

    private PendingQuery(CompletableFuture<HttpResponse<byte[]>> answer) {
      this.answer = answer;
    }

    private void cancel() {
      answer.cancel(true);
    }
  }

  public ConsulFront(URI consul) throws IOException {
    this.consul = consul;
    this.server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  public URI url() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  /** From now on every query fails. */
  public void fail(Fault how) {
    fail(how, "");
  }

  /**
   * From now on the queries for some paths fail.
   *
   * @param pathPrefix such as {@code /v1/kv/}
   */
  public void fail(Fault how, String pathPrefix) {
    failingPath = pathPrefix;
    become(Optional.of(how));
    underWay.forEach(PendingQuery::cancel);
  }

  /** From now on Consul answers again. */
  public void recover() {
    become(Optional.empty());
    underWay.forEach(PendingQuery::cancel);
  }

  /** Queries so far. */
  public int queries() {
    return queries.get();
  }

  /** Queries that wait for Consul's answer now. */
  public int queriesUnderWay() {
    return underWay.size();
  }

  @Override
  public void close() {
    server.stop(0);
    underWay.forEach(PendingQuery::cancel);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    queries.incrementAndGet();
    try (exchange) {
      Optional<Fault> now = faultFor(exchange);
      if (now.filter(f -> f != Fault.HALF_A_BODY && f != Fault.NO_LEADER).isPresent()) {
        failed(exchange, now.get());
        return;
      }
      HttpResponse<byte[]> real = forward(exchange);
      now = faultFor(exchange);
      if (real == null) {
        if (now.isPresent()) {
          failed(exchange, now.get());
        }
        return; // closes the connection
      }
      real.headers()
          .map()
          .forEach(
              (name, values) -> {
                if (!NOT_FORWARDED.contains(name.toLowerCase(java.util.Locale.ROOT))) {
                  exchange.getResponseHeaders().put(name, values);
                }
              });
      byte[] body = real.body();
      if (now.equals(Optional.of(Fault.NO_LEADER))) {
        exchange.getResponseHeaders().set("X-Consul-KnownLeader", "false");
        exchange.getResponseHeaders().set("X-Consul-Query-Backend", "blocking-query");
      }
      exchange.sendResponseHeaders(real.statusCode(), body.length == 0 ? -1 : body.length);
      boolean half = now.equals(Optional.of(Fault.HALF_A_BODY));
      exchange.getResponseBody().write(body, 0, half ? body.length / 2 : body.length);
    }
  }

  private Optional<Fault> faultFor(HttpExchange exchange) {
    return fault.filter(f -> exchange.getRequestURI().getPath().startsWith(failingPath));
  }

  private HttpResponse<byte[]> forward(HttpExchange exchange) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(consul.resolve(exchange.getRequestURI().toString()))
            .method(
                exchange.getRequestMethod(),
                HttpRequest.BodyPublishers.ofByteArray(exchange.getRequestBody().readAllBytes()));
    Optional.ofNullable(exchange.getRequestHeaders().getFirst("X-Consul-Token"))
        .ifPresent(token -> request.header("X-Consul-Token", token));
    PendingQuery query =
        new PendingQuery(HTTP.sendAsync(request.build(), HttpResponse.BodyHandlers.ofByteArray()));
    underWay.add(query);
    try {
      return query.answer.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    } catch (ExecutionException | java.util.concurrent.CancellationException e) {
      return null;
    } finally {
      underWay.remove(query);
    }
  }

  /**
   * Says nothing until it is to fail otherwise or not at all; the caller closes the connection
   * then.
   */
  private void awaitChange() {
    try {
      synchronized (this) {
        while (fault.equals(Optional.of(Fault.SILENT))) {
          wait();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closing
    }
  }

  private synchronized void become(Optional<Fault> next) {
    fault = next;
    notifyAll();
  }

  private void failed(HttpExchange exchange, Fault fault) throws IOException {
    switch (fault) {
      case SILENT -> awaitChange();
      case ERROR -> send(exchange, 500, "rpc error making call: a fault made by the sandbox");
      case TOO_MANY -> send(exchange, 429, "Your IP is issuing too many concurrent connections");
      case GARBAGE -> send(exchange, 200, "<html><body>Welcome to the hotel's WLAN</body></html>");
      case OTHER_JSON -> send(exchange, 200, "{\"error\": [1, 2, {}]}");
      case EMPTY -> send(exchange, 200, "[]");
      case REPLAYING -> {
        if (String.valueOf(exchange.getRequestURI().getQuery()).contains("consistent")) {
          send(exchange, 500, "rpc error making call: not ready to serve consistent reads");
        } else {
          send(exchange, 404, "", "1");
        }
      }
      case CUT_OFF, HALF_A_BODY, NO_LEADER -> {
        // The caller closes the connection.
      }
    }
  }

  private static void send(HttpExchange exchange, int status, String text) throws IOException {
    send(exchange, status, text, "4711");
  }

  private static void send(HttpExchange exchange, int status, String text, String index)
      throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("X-Consul-Index", index);
    exchange.getResponseHeaders().set("X-Consul-KnownLeader", "true");
    exchange.getResponseHeaders().set("X-Consul-LastContact", "0");
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "consul-front");
    thread.setDaemon(true);
    return thread;
  }
}
