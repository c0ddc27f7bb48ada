package io.bolina.registry.consul;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.orbitz.consul.Consul;
import com.orbitz.consul.ConsulException;
import com.orbitz.consul.config.CacheConfig;
import com.orbitz.consul.config.ClientConfig;
import com.orbitz.consul.model.ConsulResponse;
import com.orbitz.consul.option.ConsistencyMode;
import com.orbitz.consul.option.ImmutableQueryOptions;
import com.orbitz.consul.option.QueryOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.math.BigInteger;
import java.time.Duration;
import java.util.regex.Pattern;
import okhttp3.Call;
import okhttp3.Headers;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;

/**
 * One connection to Consul for one watch: at most one query is in flight on it, and closing it ends
 * that query at once, here and (since the socket is closed) in the Consul agent.
 *
 * <p>It distinguishes answers from faults. An empty list with status 200 is what Consul gives to a
 * token that may not see the service, so headers decide whether an answer is one.
 *
 * <p>The body of an answer is taken from the client before it reads it: its own reader refuses the
 * whole list for one entry that it does not like, such as an instance without a port.
 */
final class ConsulConnection implements AutoCloseable {
  /** Part of what a Consul agent says for status 500 when its servers have no leader. */
  private static final Pattern NO_LEADER = Pattern.compile("No cluster leader");

  private static final byte[] NO_ENTRIES = {'[', ']'};

  private final ConsulSettings settings;
  private final Consul consul;
  private final boolean near;
  private final JsonArrayReader.Cache cache = new JsonArrayReader.Cache();
  private volatile Headers headers = new Headers.Builder().build();
  private volatile Receiver<?> receiving;
  private volatile Call inFlight;

  ConsulConnection(ConsulSettings settings) {
    this.settings = settings;
    this.near = settings.url().getHost().matches("localhost|127\\..*|\\[?::1]?");
    Consul.Builder builder =
        Consul.builder()
            .withPing(false)
            .withConnectTimeoutMillis(5_000)
            .withReadTimeoutMillis(15_000)
            .withWriteTimeoutMillis(5_000)
            // Allows the read of a blocking query its wait, and the sixteenth of it that Consul
            // adds at random.
            .withClientConfiguration(
                new ClientConfig(
                    CacheConfig.builder()
                        .withTimeoutAutoAdjustmentEnabled(true)
                        .withTimeoutAutoAdjustmentMargin(Duration.ofSeconds(5))
                        .build()));
    ConsulAccess.configure(builder, settings);
    keepHeaders(builder, this::intercept);
    this.consul = builder.build();
  }

  /** One of the client's plain calls. */
  @FunctionalInterface
  interface ConsulQuery {
    ConsulResponse<?> ask(Consul consul, QueryOptions options);
  }

  /** What is made of an answer's entries, which come one by one while they are received. */
  @FunctionalInterface
  interface AnswerReader<T> {
    T read(JsonArrayReader entries) throws IOException;
  }

  /**
   * An answer that can be trusted.
   *
   * @param body what was made of the entries
   * @param entries how many there are; none if Consul knows of nothing (404)
   * @param streamed whether it comes from the agent's streaming backend, which leaves two headers
   *     without meaning: it never knows a leader, and never says that ACLs filtered its answer
   */
  record ConsulAnswer<T>(T body, int entries, BigInteger index, boolean streamed) {}

  /**
   * Asks, and blocks for as long as nothing has changed since the index.
   *
   * @throws ConsulFault if there is no answer, or none that can be trusted
   */
  <T> ConsulAnswer<T> ask(ConsulQuery query, AnswerReader<T> reader, QueryPlan plan) {
    ConsulResponse<?> response;
    headers = new Headers.Builder().build();
    Receiver<T> receiver = new Receiver<>(reader, cache);
    receiving = receiver;
    try {
      ImmutableQueryOptions.Builder options =
          ImmutableQueryOptions.builder()
              .wait(settings.longestWait().toSeconds() + "s")
              .index(plan.index())
              .consistencyMode(plan.mode());
      if (plan.plain()) {
        options.near("_agent"); // an order that the streaming backend cannot give
      }
      response = query.ask(consul, options.build());
    } catch (ConsulException e) {
      throw faultOf(e);
    } catch (NumberFormatException e) {
      throw new ConsulFault(
          "the X-Consul-Index of the answer is not a number; is this Consul, or a proxy?", e);
    }
    if (headers.get("X-Consul-Index") == null) {
      throw new ConsulFault("the answer has no X-Consul-Index; is this Consul, or a proxy?");
    }
    boolean streamed = "streaming".equalsIgnoreCase(headers.get("X-Consul-Query-Backend"));
    if (!response.isKnownLeader() && !streamed && !plan.leaderless()) {
      throw new NoLeader();
    }
    if (plan.mode() == ConsistencyMode.STALE
        && !plan.leaderless()
        && response.getLastContact() > settings.staleBound().toMillis()) {
      throw new StaleAnswer(
          "the answer is "
              + response.getLastContact()
              + " ms old, more than "
              + settings.staleBound().toMillis());
    }
    if ("true".equalsIgnoreCase(headers.get("X-Consul-Results-Filtered-By-ACLs"))) {
      throw new ConsulFault(
          "the ACL token (consul-token-file) may not see all of the answer; it needs service:read, node:read and key:read"
              + " (docs/consul-contract.md)");
    }
    if (receiver.count == 0
        && settings.token().isEmpty()
        && "deny".equalsIgnoreCase(headers.get("X-Consul-Default-ACL-Policy"))) {
      throw new ConsulFault(
          "the answer is empty, no ACL token is set and Consul's default policy is deny; set consul-token-file");
    }
    return new ConsulAnswer<>(receiver.body, receiver.count, response.getIndex(), streamed);
  }

  /** An answer that was too old; asking the leader instead may help. */
  static final class StaleAnswer extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StaleAnswer(String message) {
      super(message);
    }
  }

  /** Consul's servers have no leader: what may be old can be had, and nothing else. */
  static final class NoLeader extends ConsulFault {
    static final String MESSAGE = "the Consul servers have no leader";
    private static final long serialVersionUID = 1L;

    NoLeader() {
      super(MESSAGE);
    }
  }

  /** Ends the query in flight, which fails; the connection stays usable. */
  void abort() {
    Call call = inFlight;
    if (call != null) {
      call.cancel();
    }
  }

  @Override
  public void close() {
    consul.destroy();
    abort();
  }

  private Response intercept(Interceptor.Chain chain) throws IOException {
    inFlight = chain.call();
    Request.Builder request = chain.request().newBuilder();
    settings.token().ifPresent(token -> request.header(ConsulAccess.TOKEN, token));
    if (near) {
      // On one machine, packing an answer takes longer than handing it over.
      request.header("Accept-Encoding", "identity");
    }
    Response response = chain.proceed(request.build());
    headers = response.headers();
    if (response.code() != 200 || response.body() == null) {
      receiving.receive(new ByteArrayInputStream(NO_ENTRIES));
      return response;
    }
    MediaType type = response.body().contentType();
    try (InputStream in = response.body().byteStream()) {
      receiving.receive(in);
    }
    return response.newBuilder().body(ResponseBody.create("[]", type)).build();
  }

  /** Reads the entries of one answer, each as soon as it has arrived. */
  private static final class Receiver<T> {
    private final AnswerReader<T> reader;
    private final JsonArrayReader.Cache cache;
    private T body;
    private int count;

    private Receiver(AnswerReader<T> reader, JsonArrayReader.Cache cache) {
      this.reader = reader;
      this.cache = cache;
    }

    private void receive(InputStream in) throws IOException {
      try {
        JsonArrayReader entries = new JsonArrayReader(in, cache);
        body = reader.read(entries);
        count = entries.count();
      } catch (JsonProcessingException e) {
        throw new ConsulFault(
            "the answer is not JSON: "
                + firstLine(e.getOriginalMessage())
                + "; is this Consul, or a proxy?",
            e);
      }
    }
  }

  private ConsulFault faultOf(ConsulException e) {
    if (e.getMessage() != null && NO_LEADER.matcher(e.getMessage()).find()) {
      return new NoLeader();
    }
    if (e.getCode() == 403) {
      return new ConsulFault(
          "permission denied (403): the ACL token (consul-token-file) is unknown or lacks service:read, node:read or key:read",
          e);
    }
    if (e.getCode() == 429) {
      return new ConsulFault(
          "too many connections from here (429); raise Consul's limits.http_max_conns_per_client",
          e);
    }
    if (e.getCode() != 0) {
      return new ConsulFault(
          "Consul answered with status " + e.getCode() + ": " + firstLine(e.getMessage()), e);
    }
    Throwable cause = e.getCause() == null ? e : e.getCause();
    return new ConsulFault(
        "no usable answer from "
            + settings.url()
            + ": "
            + cause.getClass().getSimpleName()
            + ": "
            + firstLine(cause.getMessage())
            + ConsulAccess.tlsHint(settings.url(), cause),
        e);
  }

  private static String firstLine(String text) {
    String line = text == null ? "no details" : text.lines().findFirst().orElse("");
    return line.length() > 200 ? line.substring(0, 200) + "…" : line;
  }

  /**
   * Puts an interceptor of ours into the client. Its builder takes interceptors only of kinds of
   * its own, and its ConsulResponse drops the headers that distinguish an empty fleet from a
   * missing right; so the interceptor goes where the builder keeps the one for extra headers, which
   * is not used otherwise. 1.5.3 is the client's last release: the field will not change.
   */
  private static void keepHeaders(Consul.Builder builder, Interceptor interceptor) {
    try {
      Field field = Consul.Builder.class.getDeclaredField("headerInterceptor");
      field.setAccessible(true);
      field.set(builder, interceptor);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(
          "this is not consul-client 1.5.3, which Bolina is built on", e);
    }
  }
}
