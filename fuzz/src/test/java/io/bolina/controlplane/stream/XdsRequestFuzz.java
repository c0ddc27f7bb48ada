package io.bolina.controlplane.stream;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.StringValue;
import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.controlplane.served.ServedServer;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A stream's requests one after the other, between them changes of what is served: each is a length
 * (two bytes), what happens after it (one byte) and a message. No exception; what a stream holds is
 * bounded by what it was sent; every answer is a message of its type, and answers end.
 */
public final class XdsRequestFuzz {
  private static final String PREFIX = "xdstp://x/s/";

  private XdsRequestFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) throws InvalidProtocolBufferException {
    if (data.length == 0) {
      return;
    }
    ByteBuffer in = ByteBuffer.wrap(data);
    LedsAssignments assignments = new LedsAssignments();
    CollectionLogs logs = new CollectionLogs();
    int kind = in.get();
    switch (kind & 3) {
      case 0 ->
          whole(new SotwSubscription((kind & 4) == 0 ? XdsTypes.CLUSTER : XdsTypes.ENDPOINT), in);
      case 1 -> incremental(XdsTypes.CLUSTER, new DeltaSubscription(XdsTypes.CLUSTER), in, logs);
      case 2 -> incremental(XdsTypes.ENDPOINT, assignments, in, logs);
      default -> {
        // The first assignment says which of its names a collection has.
        assignments.request(
            DeltaDiscoveryRequest.newBuilder().addResourceNamesSubscribe("s").build());
        Served first = served(0);
        logs.serve(first);
        var unused = assignments.next(first, true);
        incremental(XdsTypes.MEMBER, new LedsSubscription(assignments, logs), in, logs);
      }
    }
  }

  private static void whole(SotwSubscription subscription, ByteBuffer in)
      throws InvalidProtocolBufferException {
    long received = 0;
    for (int turn = 1; in.remaining() >= 3; turn++) {
      byte then = in.get();
      byte[] message = message(in);
      received += message.length;
      DiscoveryRequest request;
      try {
        request = DiscoveryRequest.parseFrom(message);
      } catch (InvalidProtocolBufferException e) {
        continue; // gRPC ends the stream
      }
      subscription.request(request);
      happen(then, subscription);
      for (Subscription.PendingResponse answer : answers(subscription, turn, then)) {
        var response = DiscoveryResponse.parseFrom(answer.body());
        require(!response.getTypeUrl().isEmpty(), "a response of no type");
      }
      requireBounded(subscription, received);
    }
  }

  private static void incremental(
      String type,
      Subscription<DeltaDiscoveryRequest> subscription,
      ByteBuffer in,
      CollectionLogs logs)
      throws InvalidProtocolBufferException {
    long received = 0;
    for (int turn = 1; in.remaining() >= 3; turn++) {
      byte then = in.get();
      byte[] message = message(in);
      received += message.length;
      DeltaDiscoveryRequest request;
      try {
        request = DeltaDiscoveryRequest.parseFrom(message);
      } catch (InvalidProtocolBufferException e) {
        continue;
      }
      subscription.request(request);
      happen(then, subscription);
      logs.serve(served(turn & then));
      for (Subscription.PendingResponse answer : answers(subscription, turn & then, then)) {
        var response = DeltaDiscoveryResponse.parseFrom(answer.body());
        require(response.getTypeUrl().equals(type), "a response of another type");
      }
      requireBounded(subscription, received);
    }
  }

  private static byte[] message(ByteBuffer in) {
    int length = Math.min(in.getShort() & 0x3ff, in.remaining());
    byte[] message = new byte[length];
    in.get(message);
    return message;
  }

  private static void happen(byte then, Subscription<?> subscription) {
    if ((then & 8) != 0) {
      subscription.rejected();
    }
    if ((then & 16) != 0) {
      subscription.forget(Set.of("s", "t"));
    }
    if ((then & 32) != 0) {
      subscription.offerAgain(Set.of("s", "1", Subscription.ALL));
    }
  }

  private static List<Subscription.PendingResponse> answers(
      Subscription<?> subscription, int content, byte then) {
    Served served = served(content);
    List<Subscription.PendingResponse> answers = new ArrayList<>();
    Optional<Subscription.PendingResponse> next = subscription.next(served, (then & 64) == 0);
    while (next.isPresent()) {
      answers.add(next.get());
      require(answers.size() < 2_000, "answers without end");
      next = subscription.next(served, false);
    }
    return answers;
  }

  private static Served served(int content) {
    List<ServedResource> resources = new ArrayList<>();
    resources.add(cluster("s", content));
    if (content % 2 == 0) {
      resources.add(cluster("t", 0));
    }
    List<ServedServer> servers =
        List.of(
            ServedServer.of("1", StringValue.of("x" + content)),
            ServedServer.of(String.valueOf(2 + content % 3), StringValue.of("x")));
    return new Served(resources)
        .with(
            List.of(
                ServedCollection.of(XdsTypes.MEMBER, "s", servers, List.of(name("a"), name("b")))));
  }

  private static ServedResource cluster(String name, int content) {
    return ServedResource.of(
        name, Cluster.newBuilder().setName(name).setAltStatName("x" + content).build());
  }

  static ServedCollection.Name name(String variant) {
    return new ServedCollection.Name(
        PREFIX + variant + "/",
        ServedResource.marked(
            variant + ".",
            "s",
            ClusterLoadAssignment.newBuilder().setClusterName("s" + variant).build()));
  }

  /** Each name takes a byte of a request at least, and two to say that it is one. */
  private static void requireBounded(Subscription<?> subscription, long received) {
    long held = subscription.held();
    require(held >= 0, "it counts less than nothing");
    require(
        held <= 4_000 + received * (1 + Subscription.NAME_COST) * 4,
        "it holds " + held + " bytes of " + received);
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }
}
