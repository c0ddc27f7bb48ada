package io.bolina.agent;

import io.bolina.fuzz.LoggedLines;
import io.bolina.fuzz.Loopback;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * Bytes on a connection to an agent, over TCP or its socket (the first byte says which), which then
 * ends: an answer in HTTP or none; and the agent takes the next report of its server, and writes
 * it.
 */
public final class AgentRequestFuzz {
  private static final Duration ANSWER = Duration.ofSeconds(20);

  /** Who waits for the end of a drain is answered when that is over. */
  private static final long WAITS_MS = 500;

  private static final LoggedLines LOG = LoggedLines.begin();
  private static final Path DIRECTORY = directory();

  /** Those that have drained their server: one waits a while for who may ask once more. */
  private static final BlockingQueue<Agent> DRAINED = new ArrayBlockingQueue<>(16);

  private static int agents;
  private static Running running;
  private static int cases;
  private static double load;

  static {
    Loopback.allow();
    Thread closing = new Thread(AgentRequestFuzz::closeDrained, "closing");
    closing.setDaemon(true);
    closing.start();
  }

  private AgentRequestFuzz() {}

  /** An agent, until it has drained its server. */
  private record Running(Agent agent, Path socket, LastWritten written) {
    static Running start() throws IOException {
      Path socket = DIRECTORY.resolve("a" + agents++ + ".sock");
      LastWritten written = new LastWritten();
      Agent agent =
          Agent.start(
              AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
                  .withListen("127.0.0.1", 0)
                  .withReportDeadlines(Duration.ofMinutes(10), Duration.ofMinutes(20))
                  .withLoadWrites(0, Duration.ZERO)
                  .withAccess(new AgentAccess(Optional.of(socket), Optional.empty(), List.of())),
              written,
              Telemetry.create());
      return new Running(agent, socket, written);
    }
  }

  private static Path directory() {
    try {
      Path directory = Files.createTempDirectory("bolina-fuzz");
      directory.toFile().deleteOnExit();
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void closeDrained() {
    try {
      while (true) {
        DRAINED.take().close();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  public static void fuzzerTestOneInput(byte[] data) throws Exception {
    if (data.length == 0) {
      return;
    }
    if (running == null) {
      running = Running.start();
    }
    byte[] answer = answer((data[0] & 1) == 0, Arrays.copyOfRange(data, 1, data.length));
    String start = new String(answer, StandardCharsets.ISO_8859_1);
    require(answer.length == 0 || start.startsWith("HTTP/1."), "no answer in HTTP: " + start);
    boolean draining = running.agent.state().isDraining();
    if (draining || ++cases % 32 == 0) {
      reports(draining);
    }
    LOG.requireQuiet();
  }

  /** Its server reports, and the registry has that; once it is drained, another takes its place. */
  private static void reports(boolean draining) throws Exception {
    load = load > 0.9 ? 0.1 : load + 0.01;
    AdminClient client = new AdminClient("agent", URI.create("unix:" + running.socket), "--agent");
    AdminAnswer answer = client.ask("PUT", "/v1/status", "{\"load\": " + load + "}");
    require(answer.statusCode() == 200, "a report is answered by " + answer);
    require(answer.body().contains("\"draining\":" + draining), "it says " + answer.body());
    if (draining) {
      running.agent.terminate(); // so that it waits less
      DRAINED.put(running.agent);
      running = null;
      return;
    }
    for (int i = 0; !running.written.hasLoad(load); i++) {
      require(i < 20_000, "a report is not written");
      Thread.sleep(1);
    }
  }

  private static byte[] answer(boolean overTcp, byte[] request) throws IOException {
    SocketAddress at =
        overTcp
            ? new InetSocketAddress(InetAddress.getLoopbackAddress(), running.agent.port())
            : UnixDomainSocketAddress.of(running.socket);
    try (SocketChannel channel =
            overTcp ? SocketChannel.open() : SocketChannel.open(StandardProtocolFamily.UNIX);
        Selector selector = Selector.open()) {
      channel.connect(at);
      return exchanged(channel, selector, request);
    }
  }

  private static byte[] exchanged(SocketChannel channel, Selector selector, byte[] request)
      throws IOException {
    ByteArrayOutputStream answer = new ByteArrayOutputStream();
    ByteBuffer in = ByteBuffer.allocate(65_536);
    try {
      channel.write(ByteBuffer.wrap(request)); // 16 KiB at most, which the kernel takes
      channel.shutdownOutput();
      channel.configureBlocking(false);
      channel.register(selector, SelectionKey.OP_READ);
      long until = System.nanoTime() + ANSWER.toNanos();
      while (true) {
        if (selector.select(WAITS_MS) == 0) {
          require(System.nanoTime() < until, "no answer, and not closed");
          running.agent.drain(Optional.of(Duration.ZERO));
        }
        selector.selectedKeys().clear();
        int read = channel.read(in.clear());
        if (read < 0) {
          return answer.toByteArray();
        }
        answer.write(in.array(), 0, read);
      }
    } catch (IOException e) {
      return answer
          .toByteArray(); // reset: it was answered before its end, and the rest is not read
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }
}
