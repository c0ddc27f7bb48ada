package io.bolina.controlplane.stream;

import io.bolina.controlplane.identity.XdsAccess;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.fuzz.LoggedLines;
import io.bolina.fuzz.Loopback;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Bytes on a connection to the xDS port, which then ends. The first byte says what stands before
 * them (a preface, settings, the headers of a call) and whether they are as they are or frames: a
 * type, flags, a stream, a length and what it holds. The connection is closed, nothing of it stays,
 * nothing is logged as an error, the log is not flooded, and an Envoy beside it gets every change.
 */
public final class XdsPortFuzz {
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] SETTINGS = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  private static final byte[] CALL = call("identity");
  private static final byte[] PACKED_CALL = call("gzip");
  private static final LoggedLines LOG = LoggedLines.begin();
  private static final Telemetry TELEMETRY = Telemetry.create();
  private static final XdsServer SERVER =
      new XdsServer(
          XdsAccess.plain(new HostPort("127.0.0.1", 0)),
          XdsLimits.DEFAULTS,
          TELEMETRY,
          false,
          true,
          Duration.ofMinutes(1),
          () -> true);
  private static final EnvoyBeside BESIDE;
  private static int cases;

  static {
    Loopback.allow();
    try {
      SERVER.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    serve();
    BESIDE = new EnvoyBeside(SERVER.address());
  }

  private XdsPortFuzz() {}

  /** An Envoy that takes whatever comes. */
  private static final class EnvoyBeside extends ClientCall.Listener<DiscoveryResponse> {
    private final Semaphore responses = new Semaphore(0);
    private final ClientCall<DiscoveryRequest, DiscoveryResponse> call;

    EnvoyBeside(HostPort at) {
      call =
          NettyChannelBuilder.forAddress(at.host(), at.port())
              .usePlaintext()
              .build()
              .newCall(
                  AggregatedDiscoveryServiceGrpc.getStreamAggregatedResourcesMethod(),
                  CallOptions.DEFAULT);
      call.start(this, new Metadata());
      call.request(Integer.MAX_VALUE);
      call.sendMessage(
          DiscoveryRequest.newBuilder()
              .setNode(Node.newBuilder().setId("beside"))
              .setTypeUrl(XdsTypes.CLUSTER)
              .build());
    }

    @Override
    public void onMessage(DiscoveryResponse response) {
      call.sendMessage(
          DiscoveryRequest.newBuilder()
              .setTypeUrl(response.getTypeUrl())
              .setVersionInfo(response.getVersionInfo())
              .setResponseNonce(response.getNonce())
              .build());
      responses.release();
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      // The next change does not come.
    }
  }

  public static void fuzzerTestOneInput(byte[] data) throws Exception {
    if (data.length == 0) {
      return;
    }
    send(bytes(data));
    if (++cases % 64 == 0) {
      BESIDE.responses.drainPermits();
      serve();
      require(
          BESIDE.responses.tryAcquire(30, TimeUnit.SECONDS), "the Envoy beside it is not served");
      await("bolina.xds.connections", 1);
      await("bolina.xds.streams", 1);
      double held = gauge("bolina.xds.held.bytes");
      require(held >= 0 && held < 4_096, "it holds still, or less than nothing: " + held);
    }
    LOG.requireQuiet();
  }

  private static void send(byte[] bytes) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), SERVER.address().port())) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write(bytes);
      socket.shutdownOutput();
      socket.getInputStream().readAllBytes();
    } catch (SocketException e) {
      // Reset: it was closed before its end.
    }
  }

  private static byte[] bytes(byte[] data) {
    int how = data[0];
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    if ((how & 1) != 0) {
      out.writeBytes(PREFACE);
    }
    if ((how & 2) != 0) {
      out.writeBytes(SETTINGS);
    }
    if ((how & 4) != 0) {
      out.writeBytes(frame(1, 4, 1, CALL.length, CALL));
    }
    ByteBuffer in = ByteBuffer.wrap(data, 1, data.length - 1);
    if ((how & 8) == 0) {
      out.write(data, 1, data.length - 1);
      return out.toByteArray();
    }
    while (in.remaining() >= 4) {
      int type = in.get();
      int flags = in.get();
      int stream = in.get() & 0xff;
      int length = in.get() & 0xff;
      byte[] holds = new byte[Math.min(length, in.remaining())];
      in.get(holds);
      if (type == 16) {
        byte[] call = (flags & 16) == 0 ? CALL : PACKED_CALL;
        out.writeBytes(frame(1, flags, stream, call.length, call));
      } else if (type == 17) {
        // A message of a call, as many times as the flags say.
        byte[] message = new byte[holds.length + 5];
        message[0] = (byte) ((flags >> 4) & 1);
        message[4] = (byte) holds.length;
        System.arraycopy(holds, 0, message, 5, holds.length);
        for (int i = 0; i <= (flags & 15); i++) {
          out.writeBytes(frame(0, 0, stream, message.length, message));
        }
      } else {
        out.writeBytes(frame(type, flags, stream, length, holds));
      }
    }
    return out.toByteArray();
  }

  private static byte[] frame(int type, int flags, int stream, int length, byte[] holds) {
    ByteBuffer frame = ByteBuffer.allocate(9 + holds.length);
    frame.put((byte) (length >> 16)).putShort((short) length);
    frame.put((byte) type).put((byte) flags).putInt(stream).put(holds);
    return frame.array();
  }

  /** The headers of an aggregated stream, each in full. */
  private static byte[] call(String encoding) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String header :
        List.of(
            ":method=POST",
            ":scheme=http",
            ":path=/" + AggregatedDiscoveryServiceGrpc.SERVICE_NAME + "/StreamAggregatedResources",
            ":authority=x",
            "content-type=application/grpc",
            "te=trailers",
            "grpc-encoding=" + encoding)) {
      int cut = header.indexOf('=');
      out.write(0);
      for (String part : List.of(header.substring(0, cut), header.substring(cut + 1))) {
        byte[] text = part.getBytes(StandardCharsets.US_ASCII);
        out.write(text.length);
        out.writeBytes(text);
      }
    }
    return out.toByteArray();
  }

  private static void serve() {
    Cluster cluster = Cluster.newBuilder().setName("s").setAltStatName("x" + cases).build();
    SERVER.serve(Editions.NOTHING.with(List.of(ServedResource.of("s", cluster))));
  }

  private static double gauge(String name) {
    return TELEMETRY.meters().get(name).gauge().value();
  }

  private static void await(String gauge, double value) throws InterruptedException {
    for (int i = 0; gauge(gauge) != value; i++) {
      require(i < 20_000, gauge + " is still " + gauge(gauge));
      Thread.sleep(1);
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }
}
