package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.grpc.ServerCall;
import java.time.Instant;
import java.util.Optional;

/** A stream on which each response is what has changed. */
final class IncrementalStream extends EnvoyStream<DeltaDiscoveryRequest> {
  private final Optional<Assignments> assignments;
  private final CollectionLogs logs;
  private volatile String wholeBecause;

  /**
   * @param wholeBecause why it is told of all servers at once; empty if it is told one by one
   */
  IncrementalStream(
      EnvoyStreams streams,
      ServerCall<DeltaDiscoveryRequest, Outgoing> call,
      String onlyType,
      Instant connectedAt,
      String wholeBecause,
      CollectionLogs logs) {
    super(streams, call, onlyType, connectedAt);
    this.assignments = wholeBecause.isEmpty() ? Optional.of(new Assignments()) : Optional.empty();
    this.logs = logs;
    this.wholeBecause = wholeBecause;
  }

  @Override
  Subscription<DeltaDiscoveryRequest> subscribe(String type) {
    if (assignments.isPresent() && type.equals(XdsTypes.ENDPOINT)) {
      return assignments.get();
    }
    if (type.equals(XdsTypes.MEMBER)) {
      return new Members(assignments.orElseGet(Assignments::new), logs);
    }
    return new Incremental(type);
  }

  @Override
  Head head(DeltaDiscoveryRequest request) {
    return new Head(
        request.getNode(),
        request.getTypeUrl(),
        request.getResponseNonce(),
        "",
        request.hasErrorDetail()
            ? Optional.of(request.getErrorDetail().getMessage())
            : Optional.empty());
  }

  @Override
  Answer unknown(String nonce, String lastNonce) {
    return null;
  }

  @Override
  ByteString encodedNonce(String nonce) {
    return Encoding.incrementalNonce(nonce);
  }

  /** From now on it is told of all servers at once. */
  void allAtOnce(String why) {
    assignments.ifPresent(Assignments::whole);
    wholeBecause = why;
  }

  boolean oneByOne() {
    return wholeBecause.isEmpty();
  }

  @Override
  String endpoints() {
    return oneByOne() ? "one by one" : "all at once: " + wholeBecause;
  }
}
