package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.bolina.controlplane.identity.PeerIdentity;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.resources.GateResources;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.grpc.ServerCall;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A stream of the incremental variant: each response is what has changed. */
final class DeltaStream extends EnvoyStream<DeltaDiscoveryRequest> {
  private final Optional<LedsAssignments> assignments;
  private final CollectionLogs logs;
  private volatile String whyEds;

  /**
   * @param whyEds why it gets full lists of servers; empty if it gets them by LEDS
   */
  DeltaStream(
      EnvoyStreams streams,
      ServerCall<Optional<DeltaDiscoveryRequest>, Outgoing> call,
      PeerIdentity who,
      String onlyType,
      Instant connectedAt,
      String whyEds,
      CollectionLogs logs) {
    super(streams, call, who, onlyType, connectedAt);
    this.assignments = whyEds.isEmpty() ? Optional.of(new LedsAssignments()) : Optional.empty();
    this.logs = logs;
    this.whyEds = whyEds;
  }

  @Override
  Subscription<DeltaDiscoveryRequest> subscribe(String type) {
    if (assignments.isPresent() && type.equals(XdsTypes.ENDPOINT)) {
      return assignments.get();
    }
    if (type.equals(XdsTypes.MEMBER)) {
      return new LedsSubscription(assignments.orElseGet(LedsAssignments::new), logs);
    }
    return new DeltaSubscription(type);
  }

  @Override
  List<String> names(DeltaDiscoveryRequest request) {
    List<String> names = new ArrayList<>(request.getResourceNamesSubscribeList());
    names.addAll(request.getResourceNamesUnsubscribeList());
    // Of servers there are as many as there are; the others are resources, as those above.
    if (!request.getTypeUrl().equals(XdsTypes.MEMBER)) {
      names.addAll(request.getInitialResourceVersionsMap().keySet());
      names.addAll(request.getInitialResourceVersionsMap().values());
    }
    return names;
  }

  @Override
  boolean hasConfiguration(DeltaDiscoveryRequest request) {
    return request.getInitialResourceVersionsCount() > 0;
  }

  @Override
  Optional<Boolean> runsWithTokens(DeltaDiscoveryRequest request) {
    return request.getInitialResourceVersionsMap().keySet().stream()
        .filter(cluster -> !GateResources.isRules(cluster))
        .map(EnvoyResources::isTokenName)
        .reduce((one, other) -> one || other);
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

  /** What it subscribes to counts, whichever response it answers: it says that only once. */
  @Override
  RequestKind unknown(String nonce, String lastNonce) {
    return RequestKind.SUBSCRIPTION;
  }

  @Override
  ByteString encodedNonce(String nonce) {
    return Encoding.incrementalNonce(nonce);
  }

  @Override
  void fallBackToEds(String why) {
    assignments.ifPresent(LedsAssignments::fullList);
    whyEds = why;
  }

  @Override
  String whyEds() {
    return whyEds;
  }
}
