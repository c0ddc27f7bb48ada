package io.bolina.registry.consul;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.orbitz.consul.Consul;
import com.orbitz.consul.ConsulException;
import com.orbitz.consul.model.ConsulResponse;
import com.orbitz.consul.option.ConsistencyMode;
import com.orbitz.consul.option.ImmutableQueryOptions;
import com.orbitz.consul.option.QueryOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.time.Duration;
import java.util.regex.Pattern;
import okhttp3.Headers;
import okhttp3.MediaType;
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
  private static final String KEYS = "/v1/kv/";

  /** Part of what a Consul agent says for status 500 when its servers have no leader. */
  private static final Pattern NO_LEADER = Pattern.compile("No cluster leader");

  private static final byte[] NO_ENTRIES = {'[', ']'};

  private final ConsulSettings settings;
  private final ConsulHttp http;
  private final JsonArrayReader.Cache cache = new JsonArrayReader.Cache();
  private volatile Headers headers = new Headers.Builder().build();
  private volatile String path = "";
  private volatile Receiver<?> receiving;

  ConsulConnection(ConsulSettings settings) {
    this.settings = settings;
    // Consul adds up to a sixteenth to the wait at random.
    Duration read = settings.longestWait().multipliedBy(17).dividedBy(16).plusSeconds(10);
    this.http =
        new ConsulHttp(
            settings,
            new ConsulHttp.Timeouts(Duration.ofSeconds(5), read, Duration.ZERO),
            this::take);
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
    Receiver<T> receiver = new Receiver<>(reader, settings.limits(), cache);
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
      response = query.ask(http.consul(), options.build());
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
    http.abort();
  }

  @Override
  public void close() {
    http.close();
  }

  private Response take(Response response) throws IOException {
    headers = response.headers();
    path = "/" + String.join("/", response.request().url().pathSegments());
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
    private final AnswerLimits limits;
    private final JsonArrayReader.Cache cache;
    private T body;
    private int count;

    private Receiver(AnswerReader<T> reader, AnswerLimits limits, JsonArrayReader.Cache cache) {
      this.reader = reader;
      this.limits = limits;
      this.cache = cache;
    }

    private void receive(InputStream in) throws IOException {
      try {
        JsonArrayReader entries = new JsonArrayReader(in, limits, cache);
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
          "permission denied (403): the ACL token (consul-token-file) is unknown or lacks service:read, node:read or key:read"
              + listRule(),
          e);
    }
    if (e.getCode() == 429) {
      return new ConsulFault(
          "too many connections from here (429); raise Consul's limits.http_max_conns_per_client",
          e);
    }
    if (e.getCode() >= 300 && e.getCode() < 400) {
      return new ConsulFault(
          "Consul answered with a redirect ("
              + e.getCode()
              + "), which is not followed, as the ACL token would go with it; set consul to where Consul is",
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

  /** What keys below a prefix need besides where Consul distinguishes to list from to read. */
  private String listRule() {
    int keys = path.indexOf(KEYS);
    return keys < 0
        ? ""
        : "; with acl.enable_key_list_policy it needs key_prefix \""
            + path.substring(keys + KEYS.length())
            + "\" { policy = \"list\" }";
  }

  private static String firstLine(String text) {
    String line = text == null ? "no details" : text.lines().findFirst().orElse("");
    return line.length() > 200 ? line.substring(0, 200) + "…" : line;
  }
}
