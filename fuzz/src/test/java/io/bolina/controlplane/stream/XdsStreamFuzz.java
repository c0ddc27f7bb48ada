package io.bolina.controlplane.stream;

import com.google.common.io.ByteStreams;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.StringValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import io.bolina.controlplane.identity.PeerCheck;
import io.bolina.controlplane.identity.XdsAccess;
import io.bolina.controlplane.limits.LimitLog;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedItem;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.controlplane.served.ServedServer;
import io.bolina.fuzz.LoggedLines;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.core.v3.BuildVersion;
import io.envoyproxy.envoy.config.core.v3.Extension;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.listener.v3.Listener;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.envoyproxy.envoy.type.v3.SemanticVersion;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.micrometer.core.instrument.Gauge;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A whole stream through gRPC, in either variant and of any service (the first byte says which):
 * requests, answers to what came, changes of what is served, reading and not reading, in any order.
 * Each step is what happens (one byte), how (one byte), a length (two bytes) and a message. The
 * stream ends with no other status than it is to have and leaves nothing behind, nothing is logged
 * as an error, the log is not flooded, and an Envoy beside it gets every change.
 */
public final class XdsStreamFuzz {
  private static final Telemetry TELEMETRY = Telemetry.create();
  private static final LoggedLines LOG = LoggedLines.begin();
  private static final CollectionLogs LOGS = new CollectionLogs();
  private static final EnvoyStreams STREAMS = streams();
  private static final Gauge HELD = TELEMETRY.meters().get("bolina.xds.held.bytes").gauge();
  private static final Channel CHANNEL = channel();
  private static final MethodDescriptor.Marshaller<byte[]> BYTES = new Bytes();
  private static final List<MethodDescriptor<byte[], byte[]>> METHODS = new ArrayList<>();
  private static final EnvoyBeside BESIDE;
  private static int content;

  static {
    for (String service : List.of("discovery", "cluster", "endpoint", "listener")) {
      for (boolean delta : List.of(false, true)) {
        METHODS.add(method(service, delta));
      }
    }
    serve();
    BESIDE = new EnvoyBeside();
  }

  private XdsStreamFuzz() {}

  private static EnvoyStreams streams() {
    LimitLog limitLog = new LimitLog(TELEMETRY);
    Connections connections = new Connections(XdsLimits.DEFAULTS, limitLog, TELEMETRY);
    return new EnvoyStreams(
        TELEMETRY, XdsLimits.DEFAULTS, limitLog, connections, true, () -> content % 7 != 0);
  }

  private static Channel channel() {
    XdsAccess access = XdsAccess.plain(new HostPort("127.0.0.1", 0));
    PeerCheck check = new PeerCheck(access, TELEMETRY.warnings());
    try {
      InProcessServerBuilder.forName("fuzzed")
          .directExecutor()
          .addServices(new XdsMethods(STREAMS, LOGS, true, check).all())
          .addStreamTracerFactory(new ReceiveMeter.Factory())
          .build()
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return InProcessChannelBuilder.forName("fuzzed").directExecutor().build();
  }

  private static MethodDescriptor<byte[], byte[]> method(String service, boolean delta) {
    String name =
        switch (service) {
          case "cluster" -> "Clusters";
          case "endpoint" -> "Endpoints";
          case "listener" -> "Listeners";
          default -> "AggregatedResources";
        };
    String whole =
        switch (service) {
          case "cluster" -> "ClusterDiscoveryService";
          case "endpoint" -> "EndpointDiscoveryService";
          case "listener" -> "ListenerDiscoveryService";
          default -> "AggregatedDiscoveryService";
        };
    return MethodDescriptor.<byte[], byte[]>newBuilder()
        .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
        .setFullMethodName(
            "envoy.service." + service + ".v3." + whole + (delta ? "/Delta" : "/Stream") + name)
        .setRequestMarshaller(BYTES)
        .setResponseMarshaller(BYTES)
        .build();
  }

  /** Messages as they are. */
  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return ByteStreams.toByteArray(stream);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** The end of a stream that is fuzzed. */
  private static class Client extends ClientCall.Listener<byte[]> {
    private final ClientCall<byte[], byte[]> call;
    private final boolean delta;
    private Status end;
    private String type = "";
    private String nonce = "";
    private String version = "";

    Client(MethodDescriptor<byte[], byte[]> method, boolean delta) {
      this.delta = delta;
      this.call = CHANNEL.newCall(method, CallOptions.DEFAULT);
      call.start(this, new Metadata());
    }

    @Override
    public synchronized void onMessage(byte[] message) {
      try {
        if (delta) {
          DeltaDiscoveryResponse response = DeltaDiscoveryResponse.parseFrom(message);
          got(response.getTypeUrl(), response.getNonce(), "");
        } else {
          DiscoveryResponse response = DiscoveryResponse.parseFrom(message);
          got(response.getTypeUrl(), response.getNonce(), response.getVersionInfo());
        }
      } catch (InvalidProtocolBufferException e) {
        throw new IllegalStateException("a response that is none", e);
      }
    }

    void got(String newType, String newNonce, String newVersion) {
      type = newType;
      nonce = newNonce;
      version = newVersion;
    }

    @Override
    public synchronized void onClose(Status status, Metadata trailers) {
      end = status;
    }

    synchronized Status end() {
      return end;
    }

    void send(byte[] message) {
      if (end() == null) {
        call.sendMessage(message);
      }
    }
  }

  /** An Envoy that takes whatever comes. */
  private static final class EnvoyBeside extends Client {
    private int responses;

    EnvoyBeside() {
      super(METHODS.get(0), false);
      call().request(Integer.MAX_VALUE);
      send(
          DiscoveryRequest.newBuilder()
              .setNode(Node.newBuilder().setId("beside"))
              .setTypeUrl(XdsTypes.CLUSTER)
              .build()
              .toByteArray());
    }

    private ClientCall<byte[], byte[]> call() {
      return super.call;
    }

    @Override
    void got(String newType, String newNonce, String newVersion) {
      responses++;
      send(
          DiscoveryRequest.newBuilder()
              .setTypeUrl(newType)
              .setVersionInfo(newVersion)
              .setResponseNonce(newNonce)
              .build()
              .toByteArray());
    }

    synchronized int responses() {
      return responses;
    }
  }

  public static void fuzzerTestOneInput(byte[] data) throws InterruptedException {
    if (data.length == 0) {
      return;
    }
    ByteBuffer in = ByteBuffer.wrap(data);
    int kind = in.get() & 7;
    Client client = new Client(METHODS.get(kind), (kind & 1) != 0);
    client.call.request(1_000);
    boolean over = false;
    while (in.remaining() >= 4 && !over) {
      byte what = in.get();
      byte how = in.get();
      byte[] message = new byte[Math.min(in.getShort() & 0x3fff, in.remaining())];
      in.get(message);
      switch (what & 7) {
        case 0, 1, 2, 3 -> {
          client.send(request(client, what, how, message));
        }
        case 4 -> serve();
        case 5 -> client.call.request(1 + (how & 15));
        case 6 -> {
          over = true;
          client.call.halfClose();
        }
        default -> {
          if ((how & 1) == 0) {
            STREAMS.offerToAll();
          } else {
            over = true;
            client.call.cancel("over", null);
          }
        }
      }
    }
    int before = BESIDE.responses();
    serve();
    require(BESIDE.end() == null, "the Envoy beside it is closed: " + BESIDE.end());
    await(() -> BESIDE.responses() > before, "the Envoy beside it is not served");
    if (client.end() == null && !over) {
      client.call.halfClose();
    }
    client.call.request(1_000_000);
    await(() -> client.end() != null, "the stream does not end");
    requireProper(client.end());
    await(() -> STREAMS.open().size() == 1, "it counts as open");
    long held = (long) HELD.value();
    require(held >= 0 && held < 4_096, "it holds still, or less than nothing: " + held);
    LOG.requireQuiet();
  }

  private static void requireProper(Status end) {
    String what = String.valueOf(end.getDescription());
    boolean proper =
        switch (end.getCode()) {
          case OK, CANCELLED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED -> true;
          default -> false;
        };
    require(proper && !what.contains("see the control plane's log"), "it ends with " + end);
  }

  /** The message; for a type that is served, as an answer, or as a special Envoy's. */
  private static byte[] request(Client client, byte what, byte how, byte[] message) {
    if (how == 0 && (what & 3) == 0) {
      return message;
    }
    try {
      synchronized (client) {
        return client.delta
            ? deltaRequest(client, what, how, message)
            : wholeRequest(client, what, how, message);
      }
    } catch (InvalidProtocolBufferException e) {
      return message;
    }
  }

  private static byte[] deltaRequest(Client client, byte what, byte how, byte[] message)
      throws InvalidProtocolBufferException {
    DeltaDiscoveryRequest.Builder request = DeltaDiscoveryRequest.newBuilder().mergeFrom(message);
    if ((how & 4) != 0) {
      request.setTypeUrl(XdsTypes.IN_ORDER.get(how & 3));
    }
    if ((how & 8) != 0) {
      request.setNode(special(how, request.getNode()));
    }
    if ((what & 3) != 0) {
      request.setResponseNonce(client.nonce).setTypeUrl(client.type);
    }
    if ((what & 3) == 2) {
      request.getErrorDetailBuilder().setMessage(rejection(how));
    }
    return request.build().toByteArray();
  }

  private static byte[] wholeRequest(Client client, byte what, byte how, byte[] message)
      throws InvalidProtocolBufferException {
    DiscoveryRequest.Builder request = DiscoveryRequest.newBuilder().mergeFrom(message);
    if ((how & 4) != 0) {
      request.setTypeUrl(XdsTypes.IN_ORDER.get(how & 3));
    }
    if ((how & 8) != 0) {
      request.setNode(special(how, request.getNode()));
    }
    if ((what & 3) != 0) {
      request.setResponseNonce(client.nonce).setTypeUrl(client.type).setVersionInfo(client.version);
    }
    if ((what & 3) == 2) {
      request.getErrorDetailBuilder().setMessage(rejection(how));
    }
    return request.build().toByteArray();
  }

  /** For what an Envoy may reject it, so that it falls back. */
  private static String rejection(byte how) {
    return List.of(
            "leds: no such locator",
            "Didn't find a registered implementation for name: 'envoy.filters.udp_listener.dynamic_modules'",
            "dynamic_modules cannot be loaded",
            "no")
        .get((how >> 4) & 3);
  }

  /** An Envoy with the gate, and one that asks for tokens besides. */
  private static Node.Builder special(byte how, Node node) {
    Struct.Builder metadata = node.getMetadata().toBuilder();
    metadata.putFields("bolina.gate", Value.newBuilder().setStringValue("v0.2.0").build());
    if ((how & 16) != 0) {
      metadata.putFields("bolina.tokens", Value.newBuilder().setBoolValue(true).build());
    }
    return node.toBuilder()
        .setId("e" + node.getId())
        .setMetadata(metadata)
        .setUserAgentBuildVersion(
            BuildVersion.newBuilder()
                .setVersion(SemanticVersion.newBuilder().setMajorNumber(1).setMinorNumber(40)))
        .addExtensions(Extension.newBuilder().setName("envoy.filters.udp_listener.dynamic_modules"))
        .addExtensions(
            Extension.newBuilder().setName("envoy.load_balancing_policies.dynamic_modules"));
  }

  private static void serve() {
    content++;
    List<ServedItem> items = new ArrayList<>();
    items.add(
        ServedResource.of(
            "s", Cluster.newBuilder().setName("s").setAltStatName("x" + content).build()));
    items.add(ServedResource.of("t", Cluster.newBuilder().setName("t").build()));
    items.add(
        ServedResource.of(
            "l", Listener.newBuilder().setName("l").setStatPrefix("x" + content % 3).build()));
    // Of a size that is counted among the large ones.
    items.add(
        ServedResource.of(
            "s",
            ClusterLoadAssignment.newBuilder()
                .setClusterName("x".repeat(content % 5 == 0 ? 70_000 : 10))
                .build()));
    items.add(
        ServedCollection.of(
            XdsTypes.MEMBER,
            "s",
            List.of(
                ServedServer.of("1", StringValue.of("x" + content)),
                ServedServer.of(String.valueOf(2 + content % 3), StringValue.of("x"))),
            List.of(XdsRequestFuzz.name("a"), XdsRequestFuzz.name("b"))));
    Editions editions = Editions.NOTHING.with(items);
    LOGS.serve(editions.plain());
    LOGS.serve(editions.tokens());
    STREAMS.serve(editions);
  }

  private interface Condition {
    boolean holds();
  }

  /** What other threads do takes a while at times. */
  private static void await(Condition condition, String otherwise) throws InterruptedException {
    for (int i = 0; !condition.holds(); i++) {
      require(i < 20_000, otherwise);
      Thread.sleep(1);
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }
}
