package io.bolina.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import com.google.protobuf.BytesValue;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.controlplane.served.ServedItem;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.setting.Setting;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Strangers on the xDS port, beside an Envoy that goes on being served. */
class XdsLimitsTest {
  private static final String ENDPOINTS = ServedItem.typeUrl(ClusterLoadAssignment.getDescriptor());

  private final Telemetry telemetry = Telemetry.create();
  private final InMemoryRegistry registry = new InMemoryRegistry(FleetSettings.DEFAULTS, telemetry);
  private final List<AutoCloseable> open = new ArrayList<>();
  private ControlPlaneConfig config =
      ControlPlaneConfig.of(List.of(new UdpService("bolina", "127.0.0.1", 7000)))
          .with(ControlPlaneConfig.XDS, new HostPort("127.0.0.1", 0))
          .with(ControlPlaneConfig.ADMIN, new HostPort("127.0.0.1", 0));
  private ControlPlane plane;
  private AdsClient healthy;
  private Health health = Health.PASSING;

  private <T> XdsLimitsTest with(Setting<T> setting, T value) {
    config = config.with(setting, value);
    return this;
  }

  private void start(int servers) throws IOException {
    for (int n = 0; n < servers; n++) {
      registry.register(
          new Server("b-" + n, "bolina", "10.0." + n / 200 + ".1", 7000 + n % 200, "", Map.of()),
          Health.PASSING);
    }
    plane = ControlPlane.start(config, registry, telemetry);
    open.add(plane);
    healthy = new AdsClient(plane.xds(), "edge", ENDPOINTS, "bolina");
    open.add(healthy);
    await().until(() -> !healthy.responses().isEmpty());
  }

  @AfterEach
  void close() throws Exception {
    if (plane != null) {
      theHealthyOneIsServed();
    }
    for (int i = open.size() - 1; i >= 0; i--) {
      open.get(i).close();
    }
    registry.close();
  }

  private void theHealthyOneIsServed() {
    int before = healthy.responses().size();
    health = health == Health.PASSING ? Health.CRITICAL : Health.PASSING;
    registry.health("b-0", health, "");
    await().atMost(Duration.ofMinutes(1)).until(() -> healthy.responses().size() > before);
  }

  private int streams() {
    return (int) telemetry.meters().get("bolina.xds.streams").gauge().value();
  }

  private int connections() {
    return (int) telemetry.meters().get("bolina.xds.connections").gauge().value();
  }

  private double exceeded(String limit) {
    var counter = telemetry.meters().find("bolina.xds.limited").tag("limit", limit).counter();
    return counter == null ? 0 : counter.count();
  }

  /** A connection of a stranger's. */
  private ManagedChannel channel() {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(plane.xds().host(), plane.xds().port())
            .usePlaintext()
            .flowControlWindow(65_535)
            .build();
    open.add(channel::shutdownNow);
    return channel;
  }

  /** A stream of a stranger's, which reads only what it is told to. */
  private static final class Stranger extends ClientCall.Listener<DiscoveryResponse> {
    private final ClientCall<DiscoveryRequest, DiscoveryResponse> call;
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private final AtomicInteger got = new AtomicInteger();

    Stranger(ManagedChannel channel) {
      call =
          channel.newCall(
              AggregatedDiscoveryServiceGrpc.getStreamAggregatedResourcesMethod(),
              CallOptions.DEFAULT);
      call.start(this, new Metadata());
    }

    Stranger says(DiscoveryRequest.Builder request) {
      call.sendMessage(request.build());
      return this;
    }

    @Override
    public void onMessage(DiscoveryResponse message) {
      got.incrementAndGet();
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      end.complete(status);
    }

    /** The stream ends for what it has done, with words that say so. */
    void endsFor(String reason) throws Exception {
      Status status = end.get(1, TimeUnit.MINUTES);
      assertThat(status.getCode()).as(status.toString()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
      assertThat(status.getDescription()).contains(reason);
    }
  }

  private static DiscoveryRequest.Builder request(String node, String type) {
    return DiscoveryRequest.newBuilder().setNode(Node.newBuilder().setId(node)).setTypeUrl(type);
  }

  private static List<String> names(int count, int length) {
    return IntStream.range(0, count).mapToObj(n -> String.format("%0" + length + "d", n)).toList();
  }

  @ParameterizedTest
  @CsvSource({"11, 20, names", "1, 101, name-length", "60000, 4, names"})
  void names_have_a_number_and_a_length(int count, int length, String limit) throws Exception {
    with(XdsLimits.NAMES, 10).with(XdsLimits.NAME_LENGTH, 100).start(1);
    new Stranger(channel())
        .says(request("x", ENDPOINTS).addAllResourceNames(names(count, length)))
        .endsFor("more than");
    assertThat(exceeded(limit)).isEqualTo(1);
  }

  @Test
  void a_node_id_has_a_length() throws Exception {
    start(1);
    new Stranger(channel()).says(request("x".repeat(100_000), ENDPOINTS)).endsFor("node id");
  }

  @Test
  void a_request_has_a_size() throws Exception {
    start(1);
    new Stranger(channel())
        .says(request("x", "t".repeat(XdsLimits.DEFAULTS.requestSize() + 1)))
        .endsFor("a request of more than");
  }

  @Test
  void a_request_is_not_compressed() throws Exception {
    start(1);
    CompletableFuture<Status> end = new CompletableFuture<>();
    ClientCall<DiscoveryRequest, DiscoveryResponse> call =
        channel()
            .newCall(
                AggregatedDiscoveryServiceGrpc.getStreamAggregatedResourcesMethod(),
                CallOptions.DEFAULT.withCompression("gzip"));
    call.start(new EndOnly<>(end), new Metadata());
    call.setMessageCompression(true);
    // Some kilobytes on the wire, far above the limit of a request once they are unpacked.
    call.sendMessage(request("x", "t".repeat(8 * XdsLimits.DEFAULTS.requestSize())).build());
    assertThat(end.get(1, TimeUnit.MINUTES).getCode()).isEqualTo(Status.Code.UNIMPLEMENTED);
  }

  @Test
  void what_is_no_request_ends_its_stream_and_is_no_error_in_the_log() throws Exception {
    start(1);
    List<String> errors = new CopyOnWriteArrayList<>();
    Handler handler = errorsInto(errors);
    Logger grpc = Logger.getLogger("io.grpc");
    grpc.addHandler(handler);
    try {
      for (int n = 0; n < 3; n++) {
        CompletableFuture<Status> end = new CompletableFuture<>();
        ClientCall<BytesValue, DiscoveryResponse> call =
            channel()
                .newCall(
                    AggregatedDiscoveryServiceGrpc.getStreamAggregatedResourcesMethod().toBuilder(
                            ProtoUtils.marshaller(BytesValue.getDefaultInstance()),
                            ProtoUtils.marshaller(DiscoveryResponse.getDefaultInstance()))
                        .build(),
                    CallOptions.DEFAULT);
        call.start(new EndOnly<>(end), new Metadata());
        // Where bytes are here a request has a version, which must be UTF-8.
        call.sendMessage(BytesValue.newBuilder().setValue(NO_TEXT).build());
        Status status = end.get(1, TimeUnit.MINUTES);
        assertThat(status.getCode()).as(status.toString()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(status.getDescription()).isEqualTo("not a discovery request");
      }
    } finally {
      grpc.removeHandler(handler);
    }
    assertThat(errors).isEmpty();
  }

  private static final ByteString NO_TEXT = ByteString.copyFrom(new byte[] {(byte) 0xff});

  private static Handler errorsInto(List<String> errors) {
    return new Handler() {
      @Override
      public void publish(LogRecord line) {
        if (line.getLevel().intValue() >= Level.WARNING.intValue()) {
          errors.add(line.getMessage() + " " + line.getThrown());
        }
      }

      @Override
      public void flush() {
        // Nothing is kept.
      }

      @Override
      public void close() {
        // Nothing is open.
      }
    };
  }

  /** Waits for nothing but the end. */
  private static final class EndOnly<R> extends ClientCall.Listener<R> {
    private final CompletableFuture<Status> end;

    EndOnly(CompletableFuture<Status> end) {
      this.end = end;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      end.complete(status);
    }
  }

  /** Of Envoys that come and go there are 2,000 lines at once, then 20 a second. */
  @Test
  void lines_about_streams_are_rationed_whatever_they_say() throws Exception {
    try (LogLines log = new LogLines()) {
      start(1);
      long before = System.nanoTime();
      ManagedChannel channel = channel();
      for (int n = 0; n < 1_500; n++) {
        new Stranger(channel).says(request("x" + n, ENDPOINTS)).call.halfClose();
        if (n % 100 == 99) {
          await().until(() -> streams() == 1);
        }
      }
      for (int n = 0; n < 200; n++) {
        refuseLeds(channel, "y" + n);
      }
      long seconds = Duration.ofNanos(System.nanoTime() - before).toSeconds() + 1;
      assertThat(log.beginning("INFO envoy ").size() + log.beginning("WARN envoy rejected").size())
          .isBetween(1_900, (int) (2_000 + 20 * seconds));
    }
  }

  /** An Envoy takes no reference to a collection, so that it falls back to EDS. */
  private static void refuseLeds(ManagedChannel channel, String node) throws Exception {
    CompletableFuture<DeltaDiscoveryResponse> first = new CompletableFuture<>();
    CompletableFuture<DeltaDiscoveryResponse> second = new CompletableFuture<>();
    ClientCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call =
        channel.newCall(
            AggregatedDiscoveryServiceGrpc.getDeltaAggregatedResourcesMethod(),
            CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(DeltaDiscoveryResponse response) {
            if (!first.complete(response)) {
              second.complete(response);
            }
          }
        },
        new Metadata());
    call.request(2);
    call.sendMessage(
        DeltaDiscoveryRequest.newBuilder()
            .setNode(Node.newBuilder().setId(node))
            .setTypeUrl(ENDPOINTS)
            .addResourceNamesSubscribe("bolina")
            .build());
    call.sendMessage(
        DeltaDiscoveryRequest.newBuilder()
            .setTypeUrl(ENDPOINTS)
            .setResponseNonce(first.get(1, TimeUnit.MINUTES).getNonce())
            .setErrorDetail(com.google.rpc.Status.newBuilder().setCode(3).setMessage("no"))
            .build());
    second.get(1, TimeUnit.MINUTES);
    call.cancel("over", null);
  }

  @Test
  void a_stream_asks_only_so_often() throws Exception {
    with(XdsLimits.REQUEST_RATE, 5).start(1);
    Stranger stranger = new Stranger(channel());
    for (int n = 0; n < 60; n++) {
      stranger.says(request("x", n % 2 == 0 ? "type " + n : ENDPOINTS));
    }
    stranger.endsFor("requests a second");
  }

  @Test
  void a_stream_says_whose_it_is() throws Exception {
    with(XdsLimits.FIRST_REQUEST, Duration.ofSeconds(1)).start(1);
    new Stranger(channel()).endsFor("no node id");
    assertThat(exceeded("first-request")).isEqualTo(1);
  }

  @Test
  void streams_are_counted_by_peer_and_one_that_ends_makes_room() throws Exception {
    with(XdsLimits.PEER_STREAMS, 4).start(1);
    ManagedChannel channel = channel();
    List<Stranger> three = IntStream.range(0, 3).mapToObj(n -> new Stranger(channel)).toList();
    await().until(() -> streams() == 4);
    new Stranger(channel).endsFor("too many streams");
    three.get(0).call.cancel("enough", null);
    await().until(() -> streams() == 3);
    new Stranger(channel);
    await().until(() -> streams() == 4);
  }

  @Test
  void a_connection_has_only_so_many_streams() throws Exception {
    with(XdsLimits.CONNECTION_STREAMS, 5).start(1);
    try (RawHttp2 raw = new RawHttp2(plane.xds())) {
      for (int n = 0; n < 500; n++) {
        raw.openStream(2 * n + 1);
      }
      await().until(() -> raw.refused() > 100 || raw.isOver());
      assertThat(streams()).isLessThanOrEqualTo(1 + 5);
    }
  }

  @Test
  void connections_are_counted_by_peer_and_one_that_ends_makes_room() throws Exception {
    with(XdsLimits.PEER_CONNECTIONS, 3).start(1);
    RawHttp2 one = new RawHttp2(plane.xds());
    RawHttp2 two = new RawHttp2(plane.xds());
    await().until(() -> one.hears(4) && two.hears(4));
    try (RawHttp2 three = new RawHttp2(plane.xds())) {
      await().until(() -> three.hears(7) && three.isOver());
      assertThat(three.text()).contains("too many connections");
    }
    assertThat(exceeded("peer-connections")).isEqualTo(1);
    one.close();
    await()
        .until(
            () -> {
              try (RawHttp2 again = new RawHttp2(plane.xds())) {
                await().until(() -> again.hears(4));
                return !again.hears(7);
              }
            });
    two.close();
  }

  @Test
  void connections_in_a_storm_leave_nothing() throws Exception {
    with(XdsLimits.PEER_CONNECTIONS, 50).start(1);
    for (int n = 0; n < 2_000; n++) {
      new RawHttp2(plane.xds()).close();
    }
    await().until(() -> connections() == 1);
  }

  @ParameterizedTest
  @CsvSource({
    "PING, 6, 0, 0, 8",
    "SETTINGS, 4, 0, 0, 0",
    "PRIORITY, 2, 0, 3, 5",
    "unknown, 77, 0, 0, 0",
    "empty DATA, 0, 0, 1, 0",
    "WINDOW_UPDATE, 8, 0, 0, 4"
  })
  void frames_that_bring_nothing_end_their_connection(
      String name, int type, int flags, int stream, int length) throws Exception {
    start(1);
    try (RawHttp2 raw = new RawHttp2(plane.xds())) {
      raw.openStream(1);
      raw.flood(type, flags, stream, length);
      await(name).until(raw::isOver);
    }
    await().until(() -> connections() == 1);
  }

  @Test
  void streams_that_are_opened_and_reset_end_their_connection() throws Exception {
    start(1);
    try (RawHttp2 raw = new RawHttp2(plane.xds())) {
      for (int n = 0; n < 20_000 && !raw.isOver(); n++) {
        raw.openStream(2 * n + 1);
        raw.frame(3, 0, 2 * n + 1, new byte[4]);
      }
      await().until(raw::isOver);
    }
    await().until(() -> streams() == 1);
  }

  @Test
  void headers_without_an_end_end_their_connection() throws Exception {
    start(1);
    try (RawHttp2 raw = new RawHttp2(plane.xds())) {
      raw.frame(1, 0, 1, new byte[] {(byte) 0x82});
      raw.flood(9, 0, 1, 0);
      await().until(raw::isOver);
    }
    assertThat(exceeded("frames")).isEqualTo(1);
  }

  @Test
  void streams_that_do_not_read_lose_their_turn() throws Exception {
    with(XdsLimits.READING, Duration.ofSeconds(2)).start(6_000);
    ManagedChannel channel = channel();
    List<Stranger> mute = new ArrayList<>();
    for (int n = 0; n < 40; n++) {
      mute.add(
          new Stranger(channel).says(request("mute-" + n, ENDPOINTS).addResourceNames("bolina")));
    }
    await().until(() -> streams() == 41);
    theHealthyOneIsServed();
    // Their ends are behind what they do not read: their connection is ended, with all of them.
    await().atMost(Duration.ofMinutes(1)).until(() -> connections() == 1 && streams() == 1);
    assertThat(mute).hasSize(40);
    assertThat(exceeded("reading")).isPositive();
  }

  @Test
  void streams_that_do_not_read_keep_no_newcomer_waiting() throws Exception {
    start(6_000);
    List<Stranger> mute = new ArrayList<>();
    for (int n = 0; n < 120; n++) {
      mute.add(
          new Stranger(channel()).says(request("mute-" + n, ENDPOINTS).addResourceNames("bolina")));
    }
    await().until(() -> streams() == 121);
    try (AdsClient newcomer = new AdsClient(plane.xds(), "new", ENDPOINTS, "bolina")) {
      await().atMost(Duration.ofSeconds(25)).until(() -> !newcomer.responses().isEmpty());
    }
    assertThat(mute).hasSize(120);
    assertThat(exceeded("reading")).isPositive();
  }

  @Test
  void requests_that_are_never_whole_are_bounded_in_all() throws Exception {
    with(XdsLimits.HELD, 1 << 20).start(1);
    for (int n = 0; n < 30; n++) {
      RawHttp2 raw = new RawHttp2(plane.xds());
      open.add(raw);
      raw.openStream(1);
      // A message of 60,000 bytes is announced, and all but its end is sent.
      raw.frame(0, 0, 1, new byte[] {0, 0, 0, (byte) 0xea, 0x60});
      for (int part = 0; part < 5; part++) {
        raw.frame(0, 0, 1, new byte[10_000]);
      }
    }
    await().until(() -> exceeded("held") > 5);
    await().until(() -> telemetry.meters().get("bolina.xds.held.bytes").gauge().value() <= 1 << 20);
  }

  @Test
  void unknown_types_leave_nothing_behind() throws Exception {
    with(XdsLimits.REQUEST_RATE, 1_000).start(1);
    Stranger stranger = new Stranger(channel());
    for (int n = 0; n < 200; n++) {
      stranger.says(request("x", n + "t".repeat(100_000)));
    }
    await()
        .until(
            () ->
                telemetry.meters().find("bolina.bad.input").tag("kind", "xds-type").counter()
                        != null
                    && telemetry
                            .meters()
                            .get("bolina.bad.input")
                            .tag("kind", "xds-type")
                            .counter()
                            .count()
                        == 200);
    assertThat(stranger.end).isNotDone();
  }

  /** HTTP/2 by hand. */
  private static final class RawHttp2 implements AutoCloseable {
    private static final byte[] PREFACE =
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private final Socket socket;
    private final OutputStream out;
    private final List<String> text = new CopyOnWriteArrayList<>();
    private final Set<Integer> heard = ConcurrentHashMap.newKeySet();
    private final AtomicInteger resets = new AtomicInteger();
    private volatile boolean over;

    RawHttp2(HostPort xds) throws IOException {
      socket = new Socket(xds.host(), xds.port());
      out = socket.getOutputStream();
      Thread reader = new Thread(this::read);
      reader.setDaemon(true);
      reader.start();
      send(PREFACE);
      frame(4, 0, 0, new byte[0]);
    }

    private void send(byte[] bytes) {
      try {
        out.write(bytes);
      } catch (IOException e) {
        over = true;
      }
    }

    private static byte[] bytes(int type, int flags, int stream, byte[] payload) {
      byte[] frame = new byte[9 + payload.length];
      frame[0] = (byte) (payload.length >> 16);
      frame[1] = (byte) (payload.length >> 8);
      frame[2] = (byte) payload.length;
      frame[3] = (byte) type;
      frame[4] = (byte) flags;
      for (int i = 0; i < 4; i++) {
        frame[5 + i] = (byte) (stream >> (24 - 8 * i));
      }
      System.arraycopy(payload, 0, frame, 9, payload.length);
      return frame;
    }

    void frame(int type, int flags, int stream, byte[] payload) {
      send(bytes(type, flags, stream, payload));
    }

    void flood(int type, int flags, int stream, int length) {
      byte[] payload = new byte[length];
      if (type == 8) {
        payload[3] = 1; // a window grows by something
      }
      byte[] one = bytes(type, flags, stream, payload);
      byte[] many = new byte[one.length * 100];
      for (int i = 0; i < 100; i++) {
        System.arraycopy(one, 0, many, i * one.length, one.length);
      }
      for (int i = 0; i < 1_000 && !over; i++) {
        send(many);
      }
    }

    private static byte[] header(String name, String value) {
      byte[] key = name.getBytes(StandardCharsets.US_ASCII);
      byte[] text = value.getBytes(StandardCharsets.US_ASCII);
      byte[] header = new byte[3 + key.length + text.length];
      header[1] = (byte) key.length;
      System.arraycopy(key, 0, header, 2, key.length);
      header[2 + key.length] = (byte) text.length;
      System.arraycopy(text, 0, header, 3 + key.length, text.length);
      return header;
    }

    private void headers(int stream, String path) {
      ByteArrayOutputStream block = new ByteArrayOutputStream();
      block.writeBytes(header(":method", "POST"));
      block.writeBytes(header(":scheme", "http"));
      block.writeBytes(header(":path", path));
      block.writeBytes(header(":authority", "x"));
      block.writeBytes(header("content-type", "application/grpc"));
      block.writeBytes(header("te", "trailers"));
      frame(1, 4, stream, block.toByteArray());
    }

    void openStream(int stream) {
      headers(
          stream,
          "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources");
    }

    private void read() {
      try (InputStream in = socket.getInputStream()) {
        while (true) {
          byte[] header = in.readNBytes(9);
          if (header.length < 9) {
            break;
          }
          int length = ((header[0] & 255) << 16) | ((header[1] & 255) << 8) | (header[2] & 255);
          text.add(new String(in.readNBytes(length), StandardCharsets.US_ASCII));
          heard.add((int) header[3]);
          if (header[3] == 3) {
            resets.incrementAndGet();
          }
        }
      } catch (SocketException e) {
        // Closed.
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      over = true;
    }

    boolean hears(int type) {
      return heard.contains(type);
    }

    int refused() {
      return resets.get();
    }

    String text() {
      return String.join("", text);
    }

    boolean isOver() {
      return over;
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
