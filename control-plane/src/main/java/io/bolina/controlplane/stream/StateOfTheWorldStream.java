package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.grpc.ServerCall;
import java.time.Instant;
import java.util.Optional;

/** A stream on which each response is everything that is wanted of a type. */
final class StateOfTheWorldStream extends EnvoyStream<DiscoveryRequest> {
  StateOfTheWorldStream(
      EnvoyStreams streams,
      ServerCall<DiscoveryRequest, Outgoing> call,
      String onlyType,
      Instant connectedAt) {
    super(streams, call, onlyType, connectedAt);
  }

  @Override
  Subscription<DiscoveryRequest> subscribe(String type) {
    return new StateOfTheWorld(type);
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
   * With the nonce of a response that it has answered already, it changes what it wants. What it
   * says with an older one it will say again, once it has the response that is under way.
   */
  @Override
  Answer unknown(String nonce, String lastNonce) {
    return nonce.equals(lastNonce) || lastNonce.isEmpty() ? Answer.OF_NONE : Answer.OUTDATED;
  }

  @Override
  ByteString encodedNonce(String nonce) {
    return Encoding.nonce(nonce);
  }

  @Override
  String endpoints() {
    return "all at once: it speaks state of the world";
  }
}
