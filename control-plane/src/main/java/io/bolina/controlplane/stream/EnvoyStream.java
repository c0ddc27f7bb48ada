package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.bolina.controlplane.resources.GateSupport;
import io.bolina.controlplane.served.Edition;
import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.stream.EnvoyStatus.TypeStatus;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One xDS stream: who is at its other end, what it subscribed to, what it was told and what it said
 * to that. An Envoy has at most one response of a type to answer at any time, so a slow or silent
 * one costs no more than that, and finds the newest state when it answers at last.
 *
 * <p>Requests come on the call's thread and news on the publisher's, so everything here happens
 * under the stream's own lock.
 *
 * @param <Q> the protocol variant's request
 */
abstract class EnvoyStream<Q> extends ServerCall.Listener<Q> {
  private final EnvoyStreams streams;
  private final ServerCall<Q, Outgoing> call;
  private final String peer;
  private final String protocol;
  private final String onlyType;
  private final Instant connectedAt;
  private final Map<String, Exchange<Q>> exchanges = new HashMap<>(8);
  private final Map<String, Answers> answers = new ConcurrentHashMap<>(8);
  private long responses;
  private boolean over;
  private int bulk;
  private boolean waitsForTurn;
  private volatile String node = "";
  private volatile GateSupport gate = new GateSupport(false, "it has not said what it is yet");

  /** What goes back and forth of one type. */
  private static final class Exchange<Q> {
    private final String type;
    private final Subscription<Q> subscription;

    /** A large response that waits for its turn. */
    private Subscription.Reply waiting;

    /** The response that is under way (its bytes are not needed any more), and its nonce. */
    private Subscription.Reply underWay;

    private String nonce = "";

    private Exchange(String type, Subscription<Q> subscription) {
      this.type = type;
      this.subscription = subscription;
    }
  }

  /** What a request has to do with a response. */
  enum Answer {
    /** It is the first request of its type on the stream. */
    FIRST,
    /** It answers the response that is under way. */
    OF_THE_LAST,
    /** It answers none, but changes what is wanted. */
    OF_NONE,
    /** It answers one that another has taken the place of. */
    OUTDATED
  }

  EnvoyStream(
      EnvoyStreams streams, ServerCall<Q, Outgoing> call, String onlyType, Instant connectedAt) {
    this.streams = streams;
    this.call = call;
    this.peer = EnvoyStreams.peerOf(call);
    this.protocol = call.getMethodDescriptor().getBareMethodName();
    this.onlyType = onlyType;
    this.connectedAt = connectedAt;
  }

  /** Makes the subscription of a type that was not asked for before. */
  abstract Subscription<Q> subscribe(String type);

  /** The parts of a request that both variants have. */
  abstract Head head(Q request);

  /** What a nonce means, after the last response of its type had another one. */
  abstract Answer unknown(String nonce, String lastNonce);

  abstract ByteString encodedNonce(String nonce);

  /**
   * The parts of a request that both variants have.
   *
   * @param version what it says that it has, if it says
   * @param refusal why the response is refused; empty if it is not
   */
  record Head(Node node, String type, String nonce, String version, Optional<String> refusal) {}

  @Override
  public final void onMessage(Q request) {
    boolean goesOn;
    synchronized (this) {
      goesOn = !over && handled(request);
    }
    if (goesOn) {
      offer(streams.served());
      call.request(1);
    }
  }

  private boolean handled(Q request) {
    Head head = head(request);
    String type = head.type().isEmpty() ? onlyType : head.type();
    introduce(head.node());
    if (type.isEmpty()) {
      return refuse("a request on an aggregated stream must have a type_url");
    }
    if (!XdsTypes.isServed(type)) {
      streams.unserved(this, type);
      return true;
    }
    boolean first = !answers.containsKey(type);
    Exchange<Q> exchange = exchanges.computeIfAbsent(type, t -> new Exchange<>(t, subscribe(t)));
    Answers said = answers.computeIfAbsent(type, t -> new Answers());
    Answer answer =
        head.nonce().isEmpty()
            ? (first ? Answer.FIRST : Answer.OF_NONE)
            : exchange.underWay != null && head.nonce().equals(exchange.nonce)
                ? Answer.OF_THE_LAST
                : unknown(head.nonce(), exchange.nonce);
    if (answer == null) {
      return refuse("the nonce '" + head.nonce() + "' is none that was sent on this stream");
    }
    if (answer == Answer.OUTDATED) {
      return true;
    }
    if (answer == Answer.FIRST && !head.version().isEmpty()) {
      said.has(head.version());
    }
    if (answer == Answer.OF_THE_LAST) {
      Subscription.Reply reply = exchange.underWay;
      exchange.underWay = null;
      if (head.refusal().isPresent()) {
        exchange.subscription.refused();
        streams.refused(this, type, reply, head.refusal().get());
      } else {
        streams.acknowledged(this, type, reply);
      }
    }
    exchange.subscription.request(request);
    return true;
  }

  /** Sends what there is to say now, type after type. */
  final void offer(Editions editions) {
    if (editions == null) {
      return;
    }
    try {
      synchronized (this) {
        if (!over) {
          send(editions.of(gate.gated() ? Edition.GATED : Edition.PLAIN));
        }
      }
    } catch (RuntimeException e) {
      // A stream that fails must not keep the others from being told.
      streams.failed(this, e);
      close(Status.INTERNAL.withDescription("see the control plane's log"));
    }
  }

  private void send(Served now) {
    for (String type : XdsTypes.IN_ORDER) {
      Exchange<Q> exchange = exchanges.get(type);
      if (exchange == null || exchange.underWay != null) {
        continue;
      }
      if (exchange.waiting == null) {
        exchange.waiting = exchange.subscription.next(now).orElse(null);
      }
      if (exchange.waiting != null && isItsTurn(exchange.waiting)) {
        send(exchange);
      }
    }
  }

  private boolean isItsTurn(Subscription.Reply reply) {
    int bytes = reply.size();
    if (bytes <= BulkTurns.SMALL) {
      return true;
    }
    if (bulk > 0 || waitsForTurn) {
      return false;
    }
    if (!streams.bulkTurns().take(bytes, this::turnHasCome)) {
      waitsForTurn = true;
      return false;
    }
    bulk = bytes;
    return true;
  }

  private void turnHasCome() {
    synchronized (this) {
      waitsForTurn = false;
    }
    offer(streams.served());
  }

  private void send(Exchange<Q> exchange) {
    Subscription.Reply reply = exchange.waiting;
    exchange.waiting = null;
    exchange.underWay = reply.sent();
    exchange.nonce = Long.toString(responses++);
    call.sendMessage(new Outgoing(reply.body(), encodedNonce(exchange.nonce)));
    answers.get(exchange.type).sent(reply.version());
    streams.sent(exchange.type);
    if (exchange.type.equals(XdsTypes.CLUSTER)) {
      // It waits for its servers, even if they are the same ones.
      exchanges
          .computeIfAbsent(XdsTypes.ENDPOINT, t -> new Exchange<>(t, subscribe(t)))
          .subscription
          .forget(reply.names());
    }
    if (call.isReady()) {
      endBulk();
    }
  }

  @Override
  public final void onReady() {
    synchronized (this) {
      endBulk();
    }
    offer(streams.served());
  }

  private void endBulk() {
    if (bulk > 0) {
      int bytes = bulk;
      bulk = 0;
      streams.endBulk(bytes);
    }
  }

  @Override
  public final void onHalfClose() {
    close(Status.OK);
  }

  @Override
  public final void onCancel() {
    ended();
  }

  @Override
  public final void onComplete() {
    ended();
  }

  private boolean refuse(String why) {
    streams.refuses(this, why);
    close(Status.INVALID_ARGUMENT.withDescription(why));
    return false;
  }

  private synchronized void close(Status status) {
    if (!over) {
      ended();
      call.close(status, new Metadata());
    }
  }

  private synchronized void ended() {
    if (!over) {
      over = true;
      endBulk();
      streams.ended(this);
    }
  }

  /** Only a stream's first request carries the node. */
  private void introduce(Node introduced) {
    if (!introduced.getId().isEmpty() && !introduced.getId().equals(node)) {
      node = introduced.getId();
      gate = GateSupport.of(introduced);
      streams.introduced(this);
    }
  }

  String node() {
    return node.isEmpty() ? peer : node;
  }

  String protocol() {
    return protocol;
  }

  /** Whether it gets the gate, and why not. */
  GateSupport gate() {
    return gate;
  }

  /** From now on it gets everything without the gate. */
  void withoutGate(String why) {
    gate = new GateSupport(false, why);
  }

  /** What was sent of a type, and what the Envoy said to it. */
  Answers answers(String type) {
    return answers.get(type);
  }

  /** How it is told of servers: {@code one by one}, or {@code all at once} and why. */
  abstract String endpoints();

  EnvoyStatus status() {
    Map<String, TypeStatus> types = new TreeMap<>();
    answers.forEach((type, a) -> types.put(XdsTypes.shortName(type), a.status()));
    return new EnvoyStatus(node, peer, protocol, connectedAt, gate.toString(), endpoints(), types);
  }
}
