package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.bolina.controlplane.identity.PeerIdentity;
import io.bolina.controlplane.served.Editions;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.grpc.ServerCall;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** A stream of the state-of-the-world variant: each response is all that is wanted of a type. */
final class SotwStream extends EnvoyStream<DiscoveryRequest> {
  SotwStream(
      EnvoyStreams streams,
      ServerCall<Optional<DiscoveryRequest>, Outgoing> call,
      PeerIdentity who,
      String onlyType,
      Instant connectedAt) {
    super(streams, call, who, onlyType, connectedAt);
  }

  @Override
  Subscription<DiscoveryRequest> subscribe(String type) {
    return new SotwSubscription(type);
  }

  @Override
  List<String> names(DiscoveryRequest request) {
    return request.getResourceNamesList();
  }

  @Override
  boolean hasConfiguration(DiscoveryRequest request) {
    return !request.getVersionInfo().isEmpty();
  }

  @Override
  Optional<Boolean> runsWithTokens(DiscoveryRequest request) {
    return hasConfiguration(request)
        ? Optional.of(request.getVersionInfo().startsWith(Editions.TOKENS_MARK))
        : Optional.empty();
  }

  @Override
  Head head(DiscoveryRequest request) {
    return new Head(
        request.getNode(),
        request.getTypeUrl(),
        request.getResponseNonce(),
        request.getVersionInfo(),
        request.hasErrorDetail()
            ? Optional.of(request.getErrorDetail().getMessage())
            : Optional.empty());
  }

  /**
   * With the nonce of a response that it has answered already, it changes what it subscribes to.
   * What it says with an older one it will say again, once it has the response that is in flight.
   */
  @Override
  RequestKind unknown(String nonce, String lastNonce) {
    return nonce.equals(lastNonce) || lastNonce.isEmpty()
        ? RequestKind.SUBSCRIPTION
        : RequestKind.STALE;
  }

  @Override
  ByteString encodedNonce(String nonce) {
    return Encoding.nonce(nonce);
  }

  @Override
  void fallBackToEds(String why) {
    // It has nothing else.
  }

  @Override
  String whyEds() {
    return "state of the world has no leds";
  }
}
