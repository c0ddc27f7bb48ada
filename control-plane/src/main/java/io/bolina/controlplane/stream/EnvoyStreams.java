package io.bolina.controlplane.stream;

import io.bolina.controlplane.stream.EnvoyStatus.Refusal;
import io.bolina.registry.Warnings;
import io.envoyproxy.controlplane.server.DiscoveryServerCallbacks;
import io.envoyproxy.controlplane.server.exception.RequestException;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The streams that are open now, and the record of what was said on each. */
final class EnvoyStreams implements ServerInterceptor, DiscoveryServerCallbacks {
  private static final String UNTYPED = "(none)";

  /** What an Envoy's refusal says when it is the gate's module that it cannot have. */
  private static final Pattern OF_THE_MODULE =
      Pattern.compile("dynamic[ _]module", Pattern.CASE_INSENSITIVE);

  private static final Logger log = LoggerFactory.getLogger(EnvoyStreams.class);

  private final MeterRegistry meters;
  private final Warnings warnings;
  private final Clock clock;
  private final boolean gateIsWanted;
  private final Set<EnvoyStream> open = ConcurrentHashMap.newKeySet();
  private final Map<Long, EnvoyStream> byId = new ConcurrentHashMap<>();

  EnvoyStreams(MeterRegistry meters, Warnings warnings, Clock clock, boolean gateIsWanted) {
    this.gateIsWanted = gateIsWanted;
    this.meters = meters;
    this.warnings = warnings;
    this.clock = clock;
    meters.gauge("bolina.xds.streams", open, Set::size);
    meters.gauge(
        "bolina.xds.streams.with.gate",
        open,
        all -> all.stream().filter(stream -> stream.gate().gated()).count());
  }

  List<EnvoyStatus> statuses() {
    return open.stream()
        .map(EnvoyStream::status)
        .sorted(Comparator.comparing(EnvoyStatus::node).thenComparing(EnvoyStatus::peer))
        .toList();
  }

  /** Binds every call to a stream's record, for as long as the call lasts, however it ends. */
  @Override
  public <A, B> ServerCall.Listener<A> interceptCall(
      ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
    String peer =
        String.valueOf(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR))
            .replaceFirst("^/", "");
    var method = call.getMethodDescriptor();
    EnvoyStream stream =
        new EnvoyStream(
            peer,
            method.getBareMethodName(),
            XdsTypes.typeOfService(String.valueOf(method.getServiceName())),
            clock.instant());
    open.add(stream);
    Context context = Context.current().withValue(EnvoyStream.KEY, stream);
    return new SimpleForwardingServerCallListener<A>(
        Contexts.interceptCall(context, call, headers, next)) {
      @Override
      public void onMessage(A request) {
        super.onMessage(stream.hasOneType() ? request : markedIfUntyped(request));
      }

      @Override
      public void onCancel() {
        ended(stream);
        super.onCancel();
      }

      @Override
      public void onComplete() {
        ended(stream);
        super.onComplete();
      }
    };
  }

  @Override
  public void onStreamOpen(long streamId, String typeUrl) {
    byId.put(streamId, EnvoyStream.current());
  }

  @Override
  public void onV3StreamRequest(long streamId, DiscoveryRequest request) throws RequestException {
    EnvoyStream stream = EnvoyStream.current();
    String type = accept(stream, request.getNode(), request.getTypeUrl());
    EnvoyStream.Answers answers = stream.answers(type);
    if (request.getResponseNonce().isEmpty()) {
      answers.has(request.getVersionInfo());
    } else {
      // A nonce that is not under way is an answer to an older response, or a change of names after
      // an answer.
      answers
          .answered(request.getResponseNonce())
          .ifPresent(
              version ->
                  record(
                      stream,
                      type,
                      version,
                      request.hasErrorDetail(),
                      request.getErrorDetail().getMessage()));
    }
  }

  @Override
  public void onV3StreamDeltaRequest(long streamId, DeltaDiscoveryRequest request)
      throws RequestException {
    EnvoyStream stream = EnvoyStream.current();
    String type = accept(stream, request.getNode(), request.getTypeUrl());
    EnvoyStream.Answers answers = stream.answers(type);
    if (!request.getResponseNonce().isEmpty()) {
      Optional<String> version = answers.answered(request.getResponseNonce());
      if (version.isEmpty()) {
        throw refuse(
            stream,
            "the nonce '" + request.getResponseNonce() + "' is none that was sent on this stream");
      }
      record(
          stream,
          type,
          version.get(),
          request.hasErrorDetail(),
          request.getErrorDetail().getMessage());
    }
    stream.incremental(type).request(request);
  }

  @Override
  public void onV3StreamResponse(
      long streamId, DiscoveryRequest request, DiscoveryResponse response) {
    sent(streamId, response.getTypeUrl(), response.getNonce(), response.getVersionInfo());
  }

  @Override
  public void onV3StreamDeltaResponse(
      long streamId, DeltaDiscoveryRequest request, DeltaDiscoveryResponse response) {
    sent(streamId, response.getTypeUrl(), response.getNonce(), response.getSystemVersionInfo());
  }

  private void sent(long streamId, String type, String nonce, String version) {
    meters.counter("bolina.xds.responses", "type", XdsTypes.shortName(type)).increment();
    EnvoyStream stream = byId.get(streamId);
    if (stream != null) {
      stream.answers(type).sent(nonce, version);
    }
  }

  private void record(
      EnvoyStream stream, String type, String version, boolean nack, String reason) {
    String name = XdsTypes.shortName(type);
    EnvoyStream.Answers answers = stream.answers(type);
    if (nack) {
      String said = reason.strip();
      meters.counter("bolina.xds.nacks", "type", name).increment();
      answers.refused(new Refusal(version, said, clock.instant()));
      warnings.warn(
          "nack",
          stream.node() + " " + type,
          "Envoy '{}' refuses {} version {} and goes on with what it had: {}. It is not sent that version again",
          stream.node(),
          name,
          version,
          said);
      if (type.equals(XdsTypes.LISTENER)
          && stream.gate().gated()
          && OF_THE_MODULE.matcher(said).find()) {
        stream.withoutGate("it could not load the module: " + said);
        warnings.warn(
            "no-gate",
            stream.node(),
            "Envoy '{}' cannot load the gate and gets a listener without it: EVERY packet passes. Is"
                + " the module's folder in its ENVOY_DYNAMIC_MODULES_SEARCH_PATH?",
            stream.node());
      }
    } else {
      meters.counter("bolina.xds.acks", "type", name).increment();
      answers.acknowledged(version);
    }
  }

  private String accept(EnvoyStream stream, Node node, String requestTypeUrl)
      throws RequestException {
    boolean introduced = !node.getId().isEmpty() && !node.getId().equals(stream.node());
    if (introduced) {
      stream.introduce(node);
      log.info("Envoy '{}' connected; its gate is {}", node.getId(), stream.gate());
      if (gateIsWanted && !stream.gate().gated()) {
        warnings.warn(
            "no-gate",
            node.getId(),
            "Envoy '{}' has no gate, though there are rules for one: {}. It lets every packet pass",
            node.getId(),
            stream.gate().reason());
      }
    }
    String type = stream.typeOf(requestTypeUrl);
    if (type.equals(UNTYPED)) {
      throw refuse(stream, "a request on an aggregated stream must have a type_url");
    }
    if (!XdsTypes.isServed(type)) {
      warnings.warn(
          "xds-type",
          stream.node() + " " + type,
          "Envoy '{}' asks for {}, of which Bolina serves none; it will get no answer",
          stream.node(),
          type);
    }
    return type;
  }

  /**
   * Puts a mark where a type is missing: java-control-plane ends such a stream before any callback,
   * with no more than UNKNOWN and a stack trace for each.
   */
  @SuppressWarnings("unchecked")
  private static <A> A markedIfUntyped(A request) {
    if (request instanceof DiscoveryRequest r && r.getTypeUrl().isEmpty()) {
      return (A) r.toBuilder().setTypeUrl(UNTYPED).build();
    }
    if (request instanceof DeltaDiscoveryRequest r && r.getTypeUrl().isEmpty()) {
      return (A) r.toBuilder().setTypeUrl(UNTYPED).build();
    }
    return request;
  }

  private RequestException refuse(EnvoyStream stream, String why) {
    warnings.warn(
        "xds-request", stream.node(), "Envoy '{}': {}; its stream is closed", stream.node(), why);
    return new RequestException(Status.INVALID_ARGUMENT.withDescription(why));
  }

  private void ended(EnvoyStream stream) {
    if (open.remove(stream)) {
      byId.values().remove(stream);
      log.info("Envoy '{}' disconnected ({})", stream.node(), stream.status().protocol());
    }
  }
}
