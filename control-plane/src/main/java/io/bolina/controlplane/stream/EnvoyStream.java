package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.bolina.controlplane.identity.PeerIdentity;
import io.bolina.controlplane.limits.HeldBytes;
import io.bolina.controlplane.limits.Peer;
import io.bolina.controlplane.limits.RequestRate;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.resources.GateSupport;
import io.bolina.controlplane.resources.RestartEpoch;
import io.bolina.controlplane.resources.TokenSupport;
import io.bolina.controlplane.served.Edition;
import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.stream.EnvoyStatus.Rejection;
import io.bolina.controlplane.stream.EnvoyStatus.TypeStatus;
import io.bolina.runtime.Printable;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;

/**
 * One xDS stream: who is at its other end, what it subscribed to, what it was sent and how it
 * answered. An Envoy has at most one response of a type to answer at any time, so a slow or silent
 * one costs no more than that, and gets the newest state when it answers at last.
 *
 * <p>Requests come on the call's thread and new resources on the publisher's, so everything here
 * happens under the stream's own lock. What pages and metrics show is published beside it, as
 * immutable values: they never wait for that lock, nor hold it.
 *
 * @param <Q> the protocol variant's request
 */
abstract class EnvoyStream<Q> extends ServerCall.Listener<Optional<Q>> {
  private static final TokenSupport NO_TOKENS_YET =
      new TokenSupport(false, "it has not asked for clusters yet");

  /** A stream that was closed is over within this time, or its peer does not read. */
  private static final Duration FINISHING = Duration.ofSeconds(2);

  private final EnvoyStreams streams;
  private final ServerCall<Optional<Q>, Outgoing> call;
  private final Peer peer;
  private final PeerIdentity who;
  private final HeldBytes.Account account;
  private final String method;
  private final String onlyType;
  private final Instant connectedAt;
  private final Map<String, Exchange<Q>> exchanges = new HashMap<>(8);
  private final Map<String, TypeStatus> statuses = new ConcurrentHashMap<>(8);
  private long responses;
  private boolean configured;
  private boolean over;
  private int largeInFlight;
  private boolean waitsForLimit;
  private RequestRate requests = new RequestRate(System.nanoTime());

  /** Bytes of small responses that the transport has not sent yet. */
  private int queued;

  /** When it must have said whose it is, and when it must have read what is large. */
  private Future<?> introduction = CompletableFuture.completedFuture(null);

  private Future<?> reading = CompletableFuture.completedFuture(null);

  /** When its end must have been read, once it is closed from this side; and whether it was. */
  private Future<?> finishing = CompletableFuture.completedFuture(null);

  private boolean finished;
  private volatile String node = "";
  private volatile OptionalLong restartEpoch = OptionalLong.empty();
  private boolean asksForTokens;

  /** Empty until it is known what it runs with, which its first request for clusters says. */
  private volatile Optional<TokenSupport> tokens = Optional.empty();

  private boolean ranWithTokens;
  private volatile GateSupport gate = new GateSupport(false, "no request received yet");

  /** What goes back and forth of one type. */
  private static final class Exchange<Q> {
    private final String type;
    private final Subscription<Q> subscription;

    /** A response that cannot be sent yet. */
    private Subscription.PendingResponse waiting;

    /** The response that is to be answered (its bytes are not needed any more), and its nonce. */
    private Subscription.PendingResponse inFlight;

    private String nonce = "";
    private Pace pace = new Pace(System.nanoTime());
    private Refused refused = Refused.NOTHING;

    /** What its subscription makes the control plane hold, in bytes. */
    private long held;

    /** What is to be done later: an offer of what was refused, and one of what was asked again. */
    private Future<?> offering = CompletableFuture.completedFuture(null);

    private Future<?> repeating = CompletableFuture.completedFuture(null);

    private Exchange(String type, Subscription<Q> subscription) {
      this.type = type;
      this.subscription = subscription;
    }
  }

  /** What a request has to do with a response. */
  enum RequestKind {
    /** It is the first request of its type on the stream. */
    FIRST,
    /** It is the ACK or NACK of the response that is in flight. */
    ANSWER,
    /** It answers nothing, but changes what is subscribed to. */
    SUBSCRIPTION,
    /** It answers a response that another has replaced. */
    STALE
  }

  EnvoyStream(
      EnvoyStreams streams,
      ServerCall<Optional<Q>, Outgoing> call,
      PeerIdentity who,
      String onlyType,
      Instant connectedAt) {
    this.streams = streams;
    this.call = call;
    this.who = who;
    this.peer = Peer.at(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR));
    this.account = streams.account(this);
    ReceiveMeter.current()
        .count(account, streams.limits().requestSize(), () -> streams.soon(this::tooLarge));
    this.method = call.getMethodDescriptor().getBareMethodName();
    this.onlyType = onlyType;
    this.connectedAt = connectedAt;
  }

  /** Whether a first request says that its Envoy has a configuration already. */
  abstract boolean hasConfiguration(Q request);

  /**
   * Whether the clusters that an Envoy has, by its first request for them, are chosen by tokens;
   * empty if it has none.
   */
  abstract Optional<Boolean> runsWithTokens(Q request);

  /** Makes the subscription of a type that was not asked for before. */
  abstract Subscription<Q> subscribe(String type);

  /** The parts of a request that both variants have. */
  abstract Head head(Q request);

  /** The names in a request, of whatever it is about. */
  abstract List<String> names(Q request);

  /** What a nonce means that is not that of the response in flight. */
  abstract RequestKind unknown(String nonce, String lastNonce);

  abstract ByteString encodedNonce(String nonce);

  /** Why it gets full lists of servers (EDS); empty while it gets them by LEDS. */
  abstract String whyEds();

  /** From now on it gets full lists of servers (EDS). */
  abstract void fallBackToEds(String why);

  /**
   * The parts of a request that both variants have.
   *
   * @param version what it says that it has, if it says
   * @param rejection why the response is rejected; empty if it is not
   */
  record Head(Node node, String type, String nonce, String version, Optional<String> rejection) {}

  @Override
  public final void onMessage(Optional<Q> request) {
    boolean goesOn;
    synchronized (this) {
      goesOn =
          !over
              && (request.isPresent()
                  ? handled(request.get())
                  : invalid("not a discovery request"));
    }
    if (goesOn) {
      offer(streams.served());
      call.request(1);
    }
  }

  private boolean handled(Q request) {
    Head head = head(request);
    Optional<Status> tooMuch = tooMuch(head, names(request));
    if (tooMuch.isPresent()) {
      close(tooMuch.get());
      return false;
    }
    String type = head.type().isEmpty() ? onlyType : head.type();
    if (!identified(head.node())) {
      return false;
    }
    if (type.isEmpty()) {
      return invalid("a request on an aggregated stream must have a type_url");
    }
    if (!XdsTypes.isServed(type)) {
      streams.log().unsupportedType(this, Printable.cut(type));
      return !asksTooOften();
    }
    Exchange<Q> exchange = exchanges.computeIfAbsent(type, t -> new Exchange<>(t, subscribe(t)));
    RequestKind kind = kind(head, exchange);
    if (kind != RequestKind.ANSWER && asksTooOften()) {
      return false;
    }
    if (!head.nonce().isEmpty() && !wasSent(head.nonce())) {
      streams.log().unknownNonce(this, type);
    }
    if (kind == RequestKind.STALE) {
      statuses.putIfAbsent(type, TypeStatus.NOTHING);
      return true;
    }
    TypeStatus status = statuses.getOrDefault(type, TypeStatus.NOTHING);
    if (kind == RequestKind.FIRST) {
      configured |= hasConfiguration(request);
      if (type.equals(XdsTypes.CLUSTER) && onlyType.isEmpty()) {
        Optional<Boolean> runsWith = runsWithTokens(request);
        ranWithTokens = runsWith.orElse(false);
        tokens = Optional.of(TokenSupport.of(asksForTokens, gate, runsWith));
        streams.log().tokens(this, asksForTokens);
      }
      if (!head.version().isEmpty()) {
        status = status.withKnown(Printable.cut(head.version()));
      }
    }
    statuses.put(type, status);
    if (kind == RequestKind.ANSWER) {
      Subscription.PendingResponse answered = exchange.inFlight;
      exchange.inFlight = null;
      if (head.rejection().isPresent()) {
        rejected(exchange, answered, Printable.cut(head.rejection().get()).strip());
      } else {
        statuses.put(type, status.withAcknowledged(answered.version()));
        streams.metrics().acknowledged(type);
        taken(exchange, answered);
      }
    }
    exchange.subscription.request(request);
    if (exchange.subscription.size() > streams.limits().names()) {
      close(streams.exceeded(this, "names", "more than " + streams.limits().names() + " names"));
      return false;
    }
    count(exchange);
    return true;
  }

  private void count(Exchange<Q> exchange) {
    long now = exchange.subscription.held();
    account.add(now - exchange.held);
    exchange.held = now;
  }

  private boolean asksTooOften() {
    long now = System.nanoTime();
    if (requests.isOver(now)) {
      String what = "more than " + streams.limits().requestRate() + " requests a second";
      close(streams.exceeded(this, "requests", what));
      return true;
    }
    requests = requests.after(now, streams.limits().requestRate());
    return false;
  }

  private void tooLarge() {
    String what = "a request of more than " + streams.limits().requestSize() + " bytes";
    close(streams.exceeded(this, "request", what));
  }

  /** What nobody may send, whatever it is for. */
  private Optional<Status> tooMuch(Head head, List<String> names) {
    XdsLimits limits = streams.limits();
    if (head.node().getId().length() > limits.nameLength()) {
      String what = "a node id of more than " + limits.nameLength() + " characters";
      return Optional.of(streams.exceeded(this, "name-length", what));
    }
    if (names.size() > limits.names()) {
      String what = "more than " + limits.names() + " names in a request";
      return Optional.of(streams.exceeded(this, "names", what));
    }
    if (names.stream().anyMatch(name -> name.length() > limits.nameLength())) {
      String what = "a name of more than " + limits.nameLength() + " characters";
      return Optional.of(streams.exceeded(this, "name-length", what));
    }
    return Optional.empty();
  }

  private boolean wasSent(String nonce) {
    try {
      long number = Long.parseLong(nonce);
      return number >= 0 && number < responses;
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private static <Q> void taken(Exchange<Q> exchange, Subscription.PendingResponse response) {
    exchange.refused =
        exchange.subscription.isWhole()
            ? Refused.NOTHING
            : exchange.refused.without(response.names());
    if (exchange.refused.nothing()) {
      exchange.offering.cancel(false);
    }
  }

  /** What an Envoy refused may be what it would take now. */
  private void offerLater(Exchange<Q> exchange, Subscription.PendingResponse what) {
    exchange.refused =
        exchange.refused.and(
            exchange.subscription.isWhole() ? Set.of(Subscription.ALL) : what.names());
    if (!exchange.refused.nothing()) {
      exchange.offering.cancel(false);
      exchange.offering =
          streams.later(exchange.refused.delay(), () -> offerAgain(exchange, what.version()));
    }
  }

  private void offerAgain(Exchange<Q> exchange, String version) {
    synchronized (this) {
      if (over || exchange.refused.nothing()) {
        return;
      }
      exchange.subscription.offerAgain(exchange.refused.names());
      streams.log().offeredAgain(this, exchange.type, version, exchange.refused);
    }
    offer(streams.served());
  }

  private RequestKind kind(Head head, Exchange<Q> exchange) {
    if (head.nonce().isEmpty()) {
      return statuses.containsKey(exchange.type) ? RequestKind.SUBSCRIPTION : RequestKind.FIRST;
    }
    return exchange.inFlight != null && head.nonce().equals(exchange.nonce)
        ? RequestKind.ANSWER
        : unknown(head.nonce(), exchange.nonce);
  }

  private void rejected(Exchange<Q> exchange, Subscription.PendingResponse what, String reason) {
    String type = exchange.type;
    exchange.subscription.rejected();
    Rejection rejection = new Rejection(what.version(), reason, streams.clock().instant());
    statuses.computeIfPresent(type, (t, status) -> status.withRejected(rejection));
    streams.metrics().rejected(type);
    streams.log().rejected(this, type, what, reason);
    offerLater(exchange, what);
    // What it ran with when it came it can have, whatever is wrong now.
    boolean hasTokens = tokens().on() && ranWithTokens;
    Fallback fallback =
        Fallback.after(
            type,
            reason,
            gate.gated() && !hasTokens,
            tokens().on() && !hasTokens,
            whyEds().isEmpty());
    switch (fallback) {
      case WITHOUT_GATE -> {
        gate = new GateSupport(false, "it could not load the module: " + reason);
        tokens = Optional.of(TokenSupport.refused(reason));
      }
      case WITHOUT_TOKENS -> tokens = Optional.of(TokenSupport.refused(reason));
      case EDS -> fallBackToEds("it rejected leds: " + reason);
      case NONE -> {
        // It keeps what it had, and gets the next version.
      }
    }
    streams.log().fallsBack(this, fallback);
  }

  /** Sends what is new now, type after type. */
  final void offer(Editions editions) {
    if (editions == null) {
      return;
    }
    try {
      synchronized (this) {
        if (!over) {
          send(editions.of(edition()).visibleTo(who.visibility()));
        }
      }
    } catch (RuntimeException e) {
      // A stream that fails must not keep the others from being served.
      streams.log().sendingFailed(this, e);
      close(Status.INTERNAL.withDescription("see the control plane's log"));
    }
  }

  private Edition edition() {
    if (tokens().on()) {
      return Edition.TOKENS;
    }
    return gate.gated() ? Edition.GATED : Edition.PLAIN;
  }

  private void send(Served now) {
    if (asksForTokens && onlyType.isEmpty() && tokens.isEmpty()) {
      return; // what it is to get depends on the clusters that it has
    }
    if (configured && responses == 0 && !streams.seesRegistry()) {
      // It may have a newer configuration than this replica, which does not see the registry: from
      // another that saw it for longer, say.
      return;
    }
    for (String type : XdsTypes.IN_ORDER) {
      Exchange<Q> exchange = exchanges.get(type);
      if (exchange == null || exchange.inFlight != null) {
        continue;
      }
      if (exchange.waiting == null) {
        exchange.waiting = next(exchange, now);
        count(exchange);
      }
      if (exchange.waiting != null && isWithinLimit(exchange.waiting)) {
        send(exchange);
      }
    }
  }

  private Subscription.PendingResponse next(Exchange<Q> exchange, Served now) {
    long instant = System.nanoTime();
    Duration wait = exchange.pace.delay(instant);
    Subscription.PendingResponse response =
        exchange.subscription.next(now, wait.isZero()).orElse(null);
    if (response != null && response.repeats()) {
      exchange.pace = exchange.pace.sent(instant);
    }
    if (!wait.isZero() && exchange.subscription.owesRepeat() && exchange.repeating.isDone()) {
      exchange.repeating = streams.later(wait, () -> offer(streams.served()));
    }
    return response;
  }

  private boolean isWithinLimit(Subscription.PendingResponse response) {
    int bytes = response.size();
    if (bytes <= LargeResponseLimit.SMALL) {
      return true;
    }
    if (largeInFlight > 0 || waitsForLimit) {
      return false;
    }
    if (!streams.largeResponses().tryAcquire(this, bytes, System.nanoTime())) {
      waitsForLimit = true;
      return false;
    }
    largeInFlight = bytes;
    reading = streams.later(streams.limits().reading(), () -> unread(bytes));
    return true;
  }

  private void unread(int bytes) {
    close(streams.exceeded(this, "reading", bytes + " bytes not read in time"));
  }

  /** Others wait for what it does not read. */
  final void overdue() {
    close(streams.exceeded(this, "reading", "a large response not read while others wait"));
  }

  /** There may be room for what is large. */
  final void retry() {
    synchronized (this) {
      waitsForLimit = false;
    }
    offer(streams.served());
  }

  private void send(Exchange<Q> exchange) {
    Subscription.PendingResponse response = exchange.waiting;
    exchange.waiting = null;
    exchange.inFlight = response.sent();
    exchange.nonce = Long.toString(responses++);
    call.sendMessage(new Outgoing(response.body(), encodedNonce(exchange.nonce)));
    if (response.size() <= LargeResponseLimit.SMALL) {
      queued += response.size();
      account.add(response.size());
    }
    statuses.compute(
        exchange.type,
        (t, status) -> (status == null ? TypeStatus.NOTHING : status).withSent(response.version()));
    streams.metrics().sent(exchange.type);
    if (exchange.type.equals(XdsTypes.CLUSTER)) {
      // It waits for its servers, even if they are the same ones.
      exchanges
          .computeIfAbsent(XdsTypes.ENDPOINT, t -> new Exchange<>(t, subscribe(t)))
          .subscription
          .forget(response.names());
    }
    if (call.isReady()) {
      releaseLarge();
    }
  }

  @Override
  public final void onReady() {
    synchronized (this) {
      releaseLarge();
    }
    offer(streams.served());
  }

  private void releaseLarge() {
    account.add(-queued);
    queued = 0;
    if (largeInFlight > 0) {
      int bytes = largeInFlight;
      largeInFlight = 0;
      reading.cancel(false);
      streams.releaseLater(this, bytes);
    }
  }

  @Override
  public final void onHalfClose() {
    close(Status.OK);
  }

  @Override
  public final void onCancel() {
    finished();
  }

  @Override
  public final void onComplete() {
    finished();
  }

  private synchronized void finished() {
    finished = true;
    finishing.cancel(false);
    ended();
  }

  private boolean invalid(String why) {
    streams.log().invalidRequest(this, why);
    close(Status.INVALID_ARGUMENT.withDescription(why));
    return false;
  }

  /** It counts among the open ones, and has a while to say whose it is. */
  final synchronized void begin() {
    if (!over) {
      introduction = streams.later(streams.limits().firstRequest(), this::checkIntroduced);
    }
  }

  private void checkIntroduced() {
    if (!isIdentified()) {
      close(streams.exceeded(this, "first-request", "no node id in time"));
    }
  }

  /** Ends it from this side. */
  final synchronized void close(Status status) {
    if (!over) {
      ended();
      call.close(status, new Metadata());
      // The end is behind what was sent before.
      if (!finished) {
        finishing = streams.later(FINISHING, () -> streams.endConnection(this));
      }
    }
  }

  private synchronized void ended() {
    if (!over) {
      over = true;
      introduction.cancel(false);
      for (Exchange<Q> exchange : exchanges.values()) {
        exchange.offering.cancel(false);
        exchange.repeating.cancel(false);
      }
      exchanges.clear();
      releaseLarge();
      account.close();
      streams.ended(this);
    }
  }

  /** Whether it is whom its certificate says; else the stream is closed. */
  private boolean identified(Node introduced) {
    boolean says = !introduced.getId().isEmpty();
    if ((says || node.isEmpty()) && !who.mayBe(introduced.getId())) {
      streams.log().notItsNode(this, who, introduced.getId());
      close(
          Status.PERMISSION_DENIED.withDescription(
              says
                  ? "the node id is none of the certificate's names"
                  : "the first request must have a node id"));
      return false;
    }
    identify(introduced);
    return true;
  }

  /** Only a stream's first request carries the node. */
  private void identify(Node introduced) {
    if (!introduced.getId().isEmpty() && !introduced.getId().equals(node)) {
      node = introduced.getId();
      gate = GateSupport.of(introduced);
      asksForTokens = TokenSupport.isAskedFor(introduced);
      restartEpoch = RestartEpoch.of(introduced);
      streams.log().connected(this);
    }
  }

  /** The Envoy's node id; its address until its first request. */
  String node() {
    return node.isEmpty() ? peer.address() : node;
  }

  /** Whether a request has said whose stream it is. */
  boolean isIdentified() {
    return !node.isEmpty();
  }

  /** The address that it connects from. */
  String peer() {
    return peer.address();
  }

  /** Who is at its other end. */
  Peer remote() {
    return peer;
  }

  /** Who it is by its certificate. */
  PeerIdentity who() {
    return who;
  }

  /** The gRPC method that it calls. */
  String method() {
    return method;
  }

  Instant connectedAt() {
    return connectedAt;
  }

  /** Which one it is of those that follow one another by hot restart; empty if it does not say. */
  OptionalLong restartEpoch() {
    return restartEpoch;
  }

  /** Whether it gets the gate, and why not. */
  GateSupport gate() {
    return gate;
  }

  /** Whether its module chooses the servers, and why not. */
  TokenSupport tokens() {
    return tokens.orElse(NO_TOKENS_YET);
  }

  EnvoyStatus status() {
    Map<String, TypeStatus> types = new TreeMap<>();
    statuses.forEach((type, status) -> types.put(XdsTypes.shortName(type), status));
    String why = whyEds();
    return new EnvoyStatus(
        node,
        peer.address(),
        who.toString(),
        method,
        connectedAt,
        restartEpoch.isPresent() ? restartEpoch.getAsLong() : null,
        false,
        gate.toString(),
        tokens().toString(),
        why.isEmpty() ? "leds" : "eds (" + why + ")",
        types);
  }
}
