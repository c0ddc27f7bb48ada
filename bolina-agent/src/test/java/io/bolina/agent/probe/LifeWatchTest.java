package io.bolina.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.agent.probe.LifeSign.Sight;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LifeWatchTest {
  private static final List<Path> LISTS =
      List.of(Path.of("/proc/net/udp"), Path.of("/proc/net/udp6"));

  /** However many sockets this machine has. */
  private static final Duration LONG = Duration.ofSeconds(60);

  @TempDir private Path directory;

  private static Process sleeping() throws IOException {
    return new ProcessBuilder("sleep", "600").start();
  }

  @Test
  void a_process_runs_until_it_is_killed_and_its_file_may_go_with_it() throws Exception {
    Path file = directory.resolve("pid");
    ProcessLife watch = new ProcessLife(file);
    assertThat(watch.look()).as("no file").isEqualTo(LifeSign.UNKNOWN);
    Process first = sleeping();
    Files.writeString(file, first.pid() + "\n");
    LifeSign running = watch.look();
    assertThat(running.sight()).isEqualTo(Sight.RUNNING);
    assertThat(watch.look()).isEqualTo(running);
    first.destroyForcibly().waitFor();
    assertThat(watch.look())
        .returns(Sight.ENDED, LifeSign::sight)
        .returns(running.subject(), LifeSign::subject)
        .returns("process " + first.pid() + " of pid file " + file + " has ended", LifeSign::text);
    Files.delete(file);
    assertThat(watch.look().sight()).isEqualTo(Sight.ENDED);
    assertThat(new ProcessLife(file).look()).as("named by nobody").isEqualTo(LifeSign.UNKNOWN);
    Files.writeString(file, "");
    assertThat(watch.look().sight()).as("being written").isEqualTo(Sight.ENDED);
    Process second = sleeping();
    Files.writeString(file, Long.toString(second.pid()));
    assertThat(watch.look().sight()).isEqualTo(Sight.RUNNING);
    assertThat(watch.look().subject()).isNotEqualTo(running.subject());
    Files.delete(file);
    assertThat(watch.look().sight()).as("only its file is gone").isEqualTo(Sight.RUNNING);
    second.destroyForcibly().waitFor();
  }

  @Test
  void a_zombie_has_ended() throws Exception {
    // A shell that has become another program never waits for the child that it started.
    Path file = directory.resolve("pid");
    Process parent =
        new ProcessBuilder("sh", "-c", "sleep 0.1 & echo $! > " + file + "; exec sleep 600")
            .start();
    try {
      ProcessLife watch = new ProcessLife(file);
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> Files.exists(file) && watch.look().sight() == Sight.ENDED);
      long pid = Long.parseLong(Files.readString(file).strip());
      assertThat(Files.readString(Path.of("/proc/" + pid + "/stat"))).contains(") Z ");
      assertThat(new ProcessAlive(file).run().problem()).isPresent();
    } finally {
      parent.destroyForcibly().waitFor(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void a_cgroup_is_empty_or_removed_and_anything_else_says_nothing() throws Exception {
    Path cgroup = Files.createDirectory(directory.resolve("server"));
    Path events = cgroup.resolve("cgroup.events");
    CgroupLife watch = new CgroupLife(cgroup);
    assertThat(watch.look()).as("no such file").isEqualTo(LifeSign.UNKNOWN);
    Files.writeString(events, "frozen 0\n");
    assertThat(watch.look()).isEqualTo(LifeSign.UNKNOWN);
    Files.writeString(events, "populated 1\nfrozen 0\n");
    assertThat(watch.look().sight()).isEqualTo(Sight.RUNNING);
    Files.writeString(events, "populated 0\nfrozen 0\n");
    assertThat(watch.look().sight()).isEqualTo(Sight.ENDED);
    Files.delete(events);
    assertThat(watch.look()).as("still there, not readable").isEqualTo(LifeSign.UNKNOWN);
    Files.delete(cgroup);
    assertThat(watch.look()).as("its parent is no cgroup").isEqualTo(LifeSign.UNKNOWN);
    Files.createFile(directory.resolve("cgroup.procs"));
    assertThat(watch.look().sight()).isEqualTo(Sight.ENDED);
    assertThat(new CgroupLife(cgroup).look()).as("never seen").isEqualTo(LifeSign.UNKNOWN);
  }

  @Test
  void a_port_answers_or_refuses_and_silence_says_nothing() throws Exception {
    InetSocketAddress at;
    Set<Integer> asked = ConcurrentHashMap.newKeySet();
    PortLife watch;
    try (DatagramSocket server = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      at = (InetSocketAddress) server.getLocalSocketAddress();
      watch = new PortLife(at, "ping", "pong");
      assertThat(watch.look()).isEqualTo(LifeSign.UNKNOWN);
      Thread echo = new Thread(() -> answer(server, asked));
      echo.setDaemon(true);
      echo.start();
      await().atMost(Duration.ofSeconds(60)).until(() -> watch.look().sight() == Sight.ANSWERING);
      assertThat(asked).as("one session of the server's").hasSize(1);
    }
    // The system closes it when the thread that reads from it has noticed.
    await().atMost(Duration.ofSeconds(60)).until(() -> watch.look().sight() == Sight.REFUSED);
    assertThat(watch.look().sight()).isEqualTo(Sight.REFUSED);
    try (DatagramSocket silent = new DatagramSocket(at)) {
      assertThat(watch.look()).as("an earlier refusal").isEqualTo(LifeSign.UNKNOWN);
      assertThat(silent.isBound()).isTrue();
    }
    watch.close();
    assertThat(asked).hasSize(1);
  }

  @Test
  void a_port_is_bound_or_no_longer_and_one_that_never_was_says_nothing() throws Exception {
    SocketLife watch;
    try (DatagramSocket server = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      watch =
          new SocketLife("127.0.0.1", server.getLocalPort(), LISTS, Duration.ofSeconds(1), LONG);
      assertThat(watch.look()).as("it may be anybody's").isEqualTo(LifeSign.UNKNOWN);
      await().atMost(Duration.ofSeconds(60)).until(() -> watch.look().sight() == Sight.BOUND);
    }
    assertThat(watch.look().sight()).isEqualTo(Sight.UNBOUND);
    try (DatagramSocket any = new DatagramSocket(0)) {
      assertThat(listedIn("127.0.0.1", any.getLocalPort()).look().sight()).isEqualTo(Sight.BOUND);
      assertThat(listedIn("::1", any.getLocalPort()).look().sight()).isEqualTo(Sight.BOUND);
    }
    try (DatagramSocket other = new DatagramSocket(0, InetAddress.getByName("127.0.0.2"))) {
      assertThat(listedIn("127.0.0.1", other.getLocalPort()).look()).isEqualTo(LifeSign.UNKNOWN);
    }
    assertThat(new SocketLife("192.0.2.1", 7001).isDue()).as("not this machine's").isFalse();

    Path list = directory.resolve("udp");
    SocketLife listed = new SocketLife("127.0.0.1", 0x1B59, List.of(list), Duration.ZERO, LONG);
    String line = "  123: 0100007F:%s %s 07 00000000:00000000 00:00000000 00000000 0 0 4537 2 0\n";
    assertThat(listed.look()).as("no such list").isEqualTo(LifeSign.UNKNOWN);
    Files.writeString(list, line.formatted("1B58", "00000000:0000"));
    assertThat(listed.look()).as("never seen").isEqualTo(LifeSign.UNKNOWN);
    Files.writeString(list, line.formatted("1B59", "0200007F:1000"));
    assertThat(listed.look()).as("a client's").isEqualTo(LifeSign.UNKNOWN);
    Files.writeString(
        list, line.formatted("1B58", "00000000:0000") + line.formatted("1B59", "00000000:0000"));
    assertThat(listed.look().sight()).isEqualTo(Sight.BOUND);
    Files.writeString(list, line.formatted("1B59", "0200007F:1000"));
    assertThat(listed.look().sight()).isEqualTo(Sight.UNBOUND);
    // One that is too long is looked at seldom, and says nothing.
    SocketLife tooLong =
        new SocketLife("127.0.0.1", 0x1B58, List.of(list), Duration.ZERO, Duration.ZERO);
    assertThat(tooLong.look()).isEqualTo(LifeSign.UNKNOWN);
    assertThat(tooLong.look()).isEqualTo(LifeSign.UNKNOWN);
    assertThat(tooLong.isDue()).isFalse();
    // A list that is not there (any more) says nothing.
    Files.delete(list);
    assertThat(listed.look()).isEqualTo(LifeSign.UNKNOWN);
  }

  private static SocketLife listedIn(String address, int port) {
    return new SocketLife(address, port, LISTS, Duration.ZERO, LONG);
  }

  private static void answer(DatagramSocket server, Set<Integer> asked) {
    try {
      while (true) {
        DatagramPacket packet = new DatagramPacket(new byte[100], 100);
        server.receive(packet);
        asked.add(packet.getPort());
        packet.setData("pong".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        server.send(packet);
      }
    } catch (IOException e) {
      // closed
    }
  }
}
