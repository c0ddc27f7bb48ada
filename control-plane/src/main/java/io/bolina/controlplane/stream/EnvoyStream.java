package io.bolina.controlplane.stream;

import io.bolina.controlplane.resources.GateSupport;
import io.bolina.controlplane.served.Edition;
import io.bolina.controlplane.stream.EnvoyStatus.Refusal;
import io.bolina.controlplane.stream.EnvoyStatus.TypeStatus;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.grpc.Context;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One xDS stream: who is at its other end, what it subscribed to, what it was sent and what it said
 * to that. It is bound to the gRPC call's context, because java-control-plane hands its cache a
 * request without saying on which stream it came.
 */
final class EnvoyStream {
  static final Context.Key<EnvoyStream> KEY = Context.key("envoy-stream");

  private final String peer;
  private final String protocol;
  private final String onlyType;
  private final Instant connectedAt;
  private final Map<String, Subscription.StateOfTheWorld> sotw = new ConcurrentHashMap<>();
  private final Map<String, Subscription.Incremental> incremental = new ConcurrentHashMap<>();
  private final Map<String, Answers> answers = new ConcurrentHashMap<>();
  private volatile String node = "";
  private volatile GateSupport gate = new GateSupport(false, "it has not said what it is yet");

  /**
   * @param onlyType the one type of a separate service's stream; empty for ADS
   */
  EnvoyStream(String peer, String protocol, String onlyType, Instant connectedAt) {
    this.peer = peer;
    this.protocol = protocol;
    this.onlyType = onlyType;
    this.connectedAt = connectedAt;
  }

  /** The stream whose request is being handled on this thread. */
  static EnvoyStream current() {
    EnvoyStream stream = KEY.get();
    if (stream == null) {
      throw new IllegalStateException(
          "an xDS request outside of a stream; is StreamBinding installed?");
    }
    return stream;
  }

  /** Whether this is a separate service's stream, on which a request may leave its type out. */
  boolean hasOneType() {
    return !onlyType.isEmpty();
  }

  /** The type a request is about, which a separate service's request may leave out. */
  String typeOf(String requestTypeUrl) {
    return requestTypeUrl.isEmpty() ? onlyType : requestTypeUrl;
  }

  Subscription.StateOfTheWorld stateOfTheWorld(String typeUrl) {
    return sotw.computeIfAbsent(typeUrl, Subscription.StateOfTheWorld::new);
  }

  Subscription.Incremental incremental(String typeUrl) {
    return incremental.computeIfAbsent(typeUrl, Subscription.Incremental::new);
  }

  /** What was sent of a type, and what the Envoy said to it. */
  Answers answers(String typeUrl) {
    return answers.computeIfAbsent(typeUrl, t -> new Answers());
  }

  String node() {
    return node.isEmpty() ? peer : node;
  }

  /** Only a stream's first request carries the node. */
  void introduce(Node introduced) {
    node = introduced.getId();
    gate = GateSupport.of(introduced);
  }

  /** Whether it gets the gate, and why not. */
  GateSupport gate() {
    return gate;
  }

  /** From now on it gets everything without the gate. */
  void withoutGate(String why) {
    gate = new GateSupport(false, why);
  }

  /** What it gets. */
  Edition edition() {
    return gate.gated() ? Edition.GATED : Edition.PLAIN;
  }

  EnvoyStatus status() {
    Map<String, TypeStatus> types = new TreeMap<>();
    answers.forEach((type, a) -> types.put(XdsTypes.shortName(type), a.status()));
    return new EnvoyStatus(node, peer, protocol, connectedAt, gate.toString(), types);
  }

  /**
   * The responses of one type that are under way on one stream, and what became of the last one.
   */
  static final class Answers {
    private final Map<String, String> versionByNonce = new ConcurrentHashMap<>();
    private volatile String sent = "";
    private volatile String acknowledged = "";
    private volatile Optional<Refusal> refused = Optional.empty();

    /** The Envoy says that it already has something. */
    void has(String version) {
      sent = version;
      acknowledged = version;
    }

    void sent(String nonce, String version) {
      versionByNonce.put(nonce, version);
      sent = version;
    }

    /**
     * Ends a response that is under way, and returns its version; empty if there is none with that
     * nonce.
     */
    Optional<String> answered(String nonce) {
      return Optional.ofNullable(versionByNonce.remove(nonce));
    }

    void acknowledged(String version) {
      acknowledged = version;
      refused = Optional.empty();
    }

    void refused(Refusal refusal) {
      refused = Optional.of(refusal);
    }

    private TypeStatus status() {
      return new TypeStatus(sent, acknowledged, refused);
    }
  }
}
