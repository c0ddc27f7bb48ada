package io.bolina.it.gate;

import static io.bolina.sandbox.Sandbox.SERVICE;

import io.bolina.controlplane.gate.QuicLbCodec;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.it.gate.GateSandbox.Sender;
import io.bolina.registry.ServerToken;
import io.bolina.sandbox.envoy.RealEnvoy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The figures of docs/performance.md: what the gate costs Envoy for each packet. Two Envoys, one
 * with the gate and one without, get the same packets in turns; what counts is the ratio of the CPU
 * time that each took. The server swallows what it gets: with answers, which no gate looks at, the
 * ratio would be kinder. Not part of the tests; run it with {@code mvn -B verify
 * -Dit.test=GateMeasurement -Dtest=none -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class GateMeasurement {
  /** Many and short, since on a shared machine the speed changes from second to second. */
  private static final int ROUNDS = 400;

  private static final int BATCHES = 100;
  private static final int BATCH = 64;
  private static final int SENDERS = 100;

  @Test
  void cpu_per_packet() throws Exception {
    try (GateSandbox gated = new GateSandbox();
        GateSandbox plain = new GateSandbox();
        Sink sink = new Sink()) {
      String denied =
          IntStream.range(0, 1000)
              .mapToObj(i -> "10." + i / 250 + "." + i % 250 + ".0/24")
              .collect(Collectors.joining(", "));
      gated.sandbox().consul().api().register(SERVICE, "sink", "127.0.0.1", sink.port());
      plain.sandbox().consul().api().register(SERVICE, "sink", "127.0.0.1", sink.port());
      gated.controlPlane(
          """
          bolina:
            size: {min: 6, max: 1200}
            first-size: 20
            patterns:
            - {name: magic, offset: 0, bytes: "b0 11"}
            - {name: version, offset: 2, bytes: ["10", "20"], mask: "f0"}
            lengths:
            - {name: body, offset: 4, width: 2, plus: 6}
            deny: [127.0.9.0/24, %s]
            source-packets: 1000000/s burst 1000000
            source-sessions: 100/s
            sessions: 1000/s
          """
              .formatted(denied));
      plain.controlPlane("bolina: {}\n");
      RealEnvoy with = gated.sandbox().envoyWithGate("with");
      RealEnvoy without = plain.sandbox().envoy("without");
      Load onGated = new Load(gated, with, sink);
      Load onPlain = new Load(plain, without, sink);

      System.out.printf("%-44s %12s%n", "", "µs per packet");
      Kind accepted = new Kind("accepted, 100 bytes", i -> packet(100), false);
      double base = pair(accepted, onGated, onPlain);
      pair(new Kind("accepted, 1000 bytes", i -> packet(1000), false), onGated, onPlain);
      for (Kind rejected :
          List.of(
              new Kind("rejected by size", i -> new byte[5], true),
              new Kind("rejected by pattern", i -> new byte[100], true),
              new Kind("rejected by length", i -> Arrays.copyOf(packet(100), 99), true),
              new Kind("rejected by source (deny list of 1,001)", null, true))) {
        double cost = median(onGated, rejected);
        System.out.printf(
            Locale.ROOT,
            "%-44s %12.2f   %.2f of an accepted one%n",
            rejected.name,
            cost,
            cost / base);
      }
    }
  }

  /** The same with a token in every packet, which the module reads and Envoy asks it by. */
  @Test
  void cpu_per_packet_with_tokens() throws Exception {
    HexFormat hex = HexFormat.of();
    String key = "8f95f09245765f80256934e50c66207f";
    Path file = Files.writeString(Files.createTempFile("key", ""), key);
    byte[] token = hex.parseHex(ServerToken.derivedFrom("sink"));
    byte[] withToken = packet(100);
    System.arraycopy(token, 0, withToken, 20, 4);
    String common =
        """
          size: {min: 6, max: 1200}
          first-size: 20
          deny: [127.0.9.0/24]
          source-packets: 1000000/s burst 1000000
          source-sessions: 100/s
          sessions: 1000/s
        """;
    String gate =
        "bolina:\n"
            + common
            + """
          patterns:
          - {name: magic, offset: 0, bytes: "b0 11"}
          lengths:
          - {name: body, offset: 4, width: 2, plus: 6}
          token: {offset: 20, length: 4}
        """;
    ratio("with a token", gate, false, withToken);
    ratio("with a token, both without GRO", gate, false, withToken, false, false);
    ratio("with a token, other one without GRO", gate, false, withToken, true, false);
    ratio("with a token, each datagram routed", gate, true, withToken);
    for (int nonce : new int[] {8, 4}) {
      QuicLbCodec codec = new QuicLbCodec(8, nonce, Optional.of(hex.parseHex(key)));
      byte[] id =
          codec.encode(
              new QuicLbCodec.Content(
                  0, hex.formatHex(token, 0, 8), hex.formatHex(new byte[nonce])));
      byte[] quic = GateSandbox.packet(100, 0x41);
      System.arraycopy(id, 0, quic, 1, id.length);
      String rules =
          "bolina:\n"
              + common
              + "  patterns:\n  - {name: fixed, offset: 0, bytes: \"40\", mask: \"c0\"}\n"
              + "  quic-lb:\n  - {codepoint: 0, server-id-length: 8, nonce-length: %d, key-file: %s}\n"
                  .formatted(nonce, file);
      ratio("encrypted id, " + (nonce == 8 ? "one pass" : "four passes"), rules, false, quic);
    }
  }

  /** Both read in the same way: how, is the listener's, and no matter of gate and tokens. */
  private static void ratio(String name, String rules, boolean each, byte[] packet)
      throws Exception {
    ratio(name, rules, each, packet, true, true);
  }

  private static void ratio(
      String name, String rules, boolean each, byte[] packet, boolean gro, boolean groWithout)
      throws Exception {
    try (GateSandbox gated = new GateSandbox();
        GateSandbox plain = new GateSandbox();
        Sink sink = new Sink()) {
      gated.sandbox().consul().api().register(SERVICE, "sink", "127.0.0.1", sink.port());
      plain.sandbox().consul().api().register(SERVICE, "sink", "127.0.0.1", sink.port());
      (each ? gated.routingEachDatagram() : gated).preferringGro(gro).controlPlane(rules);
      plain.preferringGro(groWithout).controlPlane("bolina: {}\n");
      RealEnvoy with = gated.sandbox().envoyWithTokens("with", Protocol.INCREMENTAL);
      RealEnvoy without = plain.sandbox().envoy("without");
      pair(
          new Kind(name, i -> packet, false),
          new Load(gated, with, sink, packet),
          new Load(plain, without, sink, packet));
      if (with.stat("bolina_gate.bolina.chosen_by_token") < SENDERS) {
        throw new IllegalStateException("not chosen by token");
      }
    }
  }

  private record Kind(String name, IntFunction<byte[]> packet, boolean rejected) {}

  private static double pair(Kind kind, Load gated, Load plain) throws Exception {
    List<Double> ratios = new ArrayList<>();
    List<Double> with = new ArrayList<>();
    List<Double> without = new ArrayList<>();
    gated.round(kind);
    plain.round(kind);
    for (int round = 0; round < ROUNDS; round++) {
      boolean gatedFirst = round % 2 == 0;
      double first = (gatedFirst ? gated : plain).round(kind);
      double second = (gatedFirst ? plain : gated).round(kind);
      with.add(gatedFirst ? first : second);
      without.add(gatedFirst ? second : first);
      ratios.add(with.get(round) / without.get(round));
    }
    System.out.printf(
        Locale.ROOT,
        "%-44s %12.2f   without the gate %.2f; ratio: median %.3f, middle half %.3f to %.3f%n",
        kind.name,
        median(with),
        median(without),
        median(ratios),
        quantile(ratios, 0.25),
        quantile(ratios, 0.75));
    return median(with);
  }

  private static double median(Load load, Kind kind) throws Exception {
    List<Double> costs = new ArrayList<>();
    load.round(kind);
    for (int round = 0; round < ROUNDS / 4; round++) {
      costs.add(load.round(kind));
    }
    return median(costs);
  }

  private static double median(List<Double> values) {
    return quantile(values, 0.5);
  }

  private static double quantile(List<Double> values, double share) {
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.get((int) Math.min(sorted.size() - 1, sorted.size() * share));
  }

  private static byte[] packet(int size) {
    return GateSandbox.packet(size, 0xb0, 0x11, 0x10, 0, (size - 6) >> 8, (size - 6) & 255);
  }

  /** Packets for one Envoy. */
  private static final class Load {
    private final RealEnvoy envoy;
    private final Sink sink;
    private final List<Sender> senders = new ArrayList<>();
    private final Sender denied;
    private final byte[] last;

    private Load(GateSandbox gate, RealEnvoy envoy, Sink sink) throws Exception {
      this(gate, envoy, sink, packet(100));
    }

    /**
     * @param last a packet that passes
     */
    private Load(GateSandbox gate, RealEnvoy envoy, Sink sink, byte[] last) throws Exception {
      this.envoy = envoy;
      this.last = last;
      this.sink = sink;
      for (int i = 0; i < SENDERS; i++) {
        senders.add(gate.sender("127.0.8." + (1 + i)));
      }
      denied = gate.sender("127.0.9.1");
    }

    /** Sends a round and returns what Envoy took for a packet, in microseconds of CPU time. */
    private double round(Kind kind) throws Exception {
      long before = cpuNanos();
      for (int batch = 0; batch < BATCHES; batch++) {
        Sender sender = senders.get(batch % SENDERS);
        long expected = sink.received.get() + (kind.rejected ? 1 : BATCH);
        if (kind.packet == null) {
          for (int i = 0; i < BATCH - 1; i++) {
            denied.send(packet(100));
          }
          // One of another sender tells nothing of these, so they get time instead.
          LockSupport.parkNanos(BATCH * 10_000);
        } else {
          for (int i = 0; i < BATCH - 1; i++) {
            sender.send(kind.packet.apply(i));
          }
        }
        // The last one passes: once it has arrived, so has whatever the same sender sent.
        sender.send(last);
        long patience = System.nanoTime() + 10_000_000_000L;
        while (sink.received.get() < expected) {
          if (System.nanoTime() > patience) {
            throw new IllegalStateException("packets were lost on their way");
          }
          LockSupport.parkNanos(20_000);
        }
      }
      return (cpuNanos() - before) / 1000.0 / (BATCHES * BATCH);
    }

    private long cpuNanos() throws IOException {
      long nanos = 0;
      try (var tasks = Files.list(Path.of("/proc/" + envoy.pid() + "/task"))) {
        for (Path task : tasks.toList()) {
          nanos += Long.parseLong(Files.readString(task.resolve("schedstat")).split(" ", 2)[0]);
        }
      }
      return nanos;
    }
  }

  /** A server that swallows what it gets. */
  private static final class Sink implements AutoCloseable {
    private final DatagramChannel channel = DatagramChannel.open();
    private final AtomicLong received = new AtomicLong();

    private Sink() throws IOException {
      channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      Thread thread = new Thread(this::swallow, "sink");
      thread.setDaemon(true);
      thread.start();
    }

    private int port() throws IOException {
      return ((InetSocketAddress) channel.getLocalAddress()).getPort();
    }

    private void swallow() {
      ByteBuffer buffer = ByteBuffer.allocateDirect(2048);
      try {
        while (true) {
          buffer.clear();
          channel.receive(buffer);
          received.incrementAndGet();
        }
      } catch (AsynchronousCloseException e) {
        return;
      } catch (IOException e) {
        throw new IllegalStateException("the sink cannot receive", e);
      }
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
