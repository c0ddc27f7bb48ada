package io.bolina.sandbox.client;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Many clients of one front, each from a loopback address of its own (127.1.0.1, 127.1.0.2 and so
 * on), as Envoy distinguishes clients by their source address. Clients of a front on another
 * machine have this one's address, and are distinguished by their ports.
 */
public final class Clients implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Clients.class);
  private static final Duration RESEND = Duration.ofMillis(250);

  private final InetSocketAddress front;
  private final Optional<InetAddress> network;
  private final Selector selector;
  private final List<SimulatedClient> all = new CopyOnWriteArrayList<>();
  private final List<SimulatedClient> left = new CopyOnWriteArrayList<>();
  private final Object answers = new Object();
  private int nextNumber;
  private volatile Thread talker;

  public Clients(InetSocketAddress front) throws IOException {
    this(front, 1);
  }

  /**
   * @param firstNumber the number of the first client, which decides its address: returning clients
   *     are made by giving the same numbers again
   */
  public Clients(InetSocketAddress front, int firstNumber) throws IOException {
    this(front, firstNumber, Optional.empty());
  }

  /**
   * @param network each has an address of its own in it, all of which are this machine's; empty for
   *     the loopback addresses
   */
  public Clients(InetSocketAddress front, int firstNumber, Optional<InetAddress> network)
      throws IOException {
    this.front = front;
    this.network = network;
    this.nextNumber = firstNumber;
    this.selector = Selector.open();
    Thread receiver = new Thread(this::receive, "clients-receive");
    receiver.setDaemon(true);
    receiver.start();
  }

  /** Makes new clients. They send nothing until {@code talk} is called. */
  public List<SimulatedClient> arrive(int count) throws IOException {
    List<SimulatedClient> arrived = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int number = nextNumber++;
      SimulatedClient client = new SimulatedClient(number, sourceOf(number), front);
      client.channel().register(selector, SelectionKey.OP_READ, client);
      arrived.add(client);
    }
    all.addAll(arrived);
    return arrived;
  }

  /** Some clients end their connections without notice, as clients do. */
  public void leave(Collection<SimulatedClient> some) throws IOException {
    left.addAll(some);
    all.removeAll(some);
    for (SimulatedClient client : some) {
      client.channel().close();
    }
  }

  /** Every client so far goes on from another address and port, as in another network. */
  public void roam() throws IOException {
    for (SimulatedClient client : all) {
      client.roam(sourceOf(nextNumber++));
      client.channel().register(selector, SelectionKey.OP_READ, client);
    }
  }

  /**
   * From now on the datagrams of every client so far end with the token of its server.
   *
   * @param token of a server's id
   */
  public void nameServers(Function<String, String> token) {
    all.forEach(client -> client.nameServer(token));
  }

  /** Every client so far, but for those that have left. */
  public List<SimulatedClient> all() {
    return List.copyOf(all);
  }

  /** Every client sends a datagram; see {@link #talk(Collection, Duration)}. */
  public List<SimulatedClient> talk(Duration patience) throws IOException, InterruptedException {
    return talk(all(), patience);
  }

  /**
   * Some clients send a datagram each, and again to those that have no answer yet, until all have
   * one or the patience ends.
   *
   * @return those without an answer
   */
  public List<SimulatedClient> talk(Collection<SimulatedClient> some, Duration patience)
      throws IOException, InterruptedException {
    Map<SimulatedClient, Long> unanswered = new HashMap<>();
    long end = System.nanoTime() + patience.toNanos();
    int sinceLastRest = 0;
    for (SimulatedClient client : some) {
      unanswered.put(client, client.send());
      if (++sinceLastRest % 100 == 0) {
        Thread.sleep(1); // or the sockets' buffers overflow
      }
    }
    while (true) {
      long resendAt = System.nanoTime() + RESEND.toNanos();
      synchronized (answers) {
        unanswered.entrySet().removeIf(e -> e.getKey().hasAnswerTo(e.getValue()));
        while (!unanswered.isEmpty() && System.nanoTime() < Math.min(end, resendAt)) {
          answers.wait(10);
          unanswered.entrySet().removeIf(e -> e.getKey().hasAnswerTo(e.getValue()));
        }
      }
      if (unanswered.isEmpty() || System.nanoTime() >= end) {
        return List.copyOf(unanswered.keySet());
      }
      for (SimulatedClient client : unanswered.keySet()) {
        client.send();
      }
    }
  }

  /** From now on every client, those yet to arrive included, sends a datagram each interval. */
  public void keepTalking(Duration interval) {
    Thread thread =
        new Thread(
            () -> {
              while (Objects.equals(talker, Thread.currentThread())) {
                try {
                  sendSpreadOver(interval);
                } catch (IOException e) {
                  log.atDebug().setCause(e).log("client cannot send");
                } catch (InterruptedException e) {
                  return;
                }
              }
            },
            "clients-talk");
    thread.setDaemon(true);
    talker = thread;
    thread.start();
  }

  /** Ends what {@link #keepTalking} began. */
  public void rest() {
    Thread thread = talker;
    talker = null;
    if (thread != null) {
      thread.interrupt();
    }
  }

  /** Every break of any client's connection so far, also of those that have left. */
  public List<SimulatedClient.Break> breaks() {
    return Stream.concat(all.stream(), left.stream())
        .flatMap(client -> client.breaks().stream())
        .toList();
  }

  /** Datagrams sent by all clients so far, also by those that have left. */
  public long sentByAll() {
    return Stream.concat(all.stream(), left.stream()).mapToLong(SimulatedClient::sent).sum();
  }

  /** Every loss of any client so far, also of those that have left. */
  public List<SimulatedClient.Loss> losses() {
    return Stream.concat(all.stream(), left.stream())
        .flatMap(client -> client.losses().stream())
        .toList();
  }

  /** How many of some clients are on each server, by its id. */
  public static Map<String, Integer> byServer(Collection<SimulatedClient> some) {
    Map<String, Integer> counts = new TreeMap<>();
    some.forEach(client -> client.server().ifPresent(s -> counts.merge(s, 1, Integer::sum)));
    return counts;
  }

  /** Ends the connections of all clients without notice, as clients do. */
  @Override
  public void close() {
    rest();
    try {
      selector.close();
      for (SimulatedClient client : all) {
        client.channel().close();
      }
    } catch (IOException e) {
      log.atDebug().setCause(e).log("closing client failed");
    }
  }

  private void sendSpreadOver(Duration interval) throws IOException, InterruptedException {
    List<SimulatedClient> now = all();
    long start = System.nanoTime();
    for (int i = 0; i < now.size(); i++) {
      now.get(i).send();
      long due = start + interval.toNanos() * (i + 1) / now.size();
      long ahead = due - System.nanoTime();
      if (ahead > 1_000_000) {
        Thread.sleep(ahead / 1_000_000);
      }
    }
    if (now.isEmpty()) {
      Thread.sleep(interval.toMillis());
    }
  }

  private void receive() {
    ByteBuffer buffer = ByteBuffer.allocate(65_535);
    while (selector.isOpen()) {
      try {
        selector.select(key -> receive(key, buffer), 100);
        synchronized (answers) {
          answers.notifyAll();
        }
      } catch (IOException e) {
        log.atDebug().setCause(e).log("receive failed");
      } catch (ClosedSelectorException e) {
        return;
      }
    }
  }

  private static void receive(SelectionKey key, ByteBuffer buffer) {
    SimulatedClient client = (SimulatedClient) key.attachment();
    try {
      buffer.clear();
      // Not the client's: it may have roamed.
      while (((DatagramChannel) key.channel()).read(buffer) > 0) {
        buffer.flip();
        client.receive(StandardCharsets.UTF_8.decode(buffer).toString());
        buffer.clear();
      }
    } catch (IOException e) {
      // Nobody listens at the front at this moment (ICMP port unreachable); a client goes on
      // trying.
      log.atTrace().addKeyValue("client", client.number()).setCause(e).log("front unreachable");
    }
  }

  private InetAddress sourceOf(int number) throws IOException {
    if (network.isPresent()) {
      byte[] address = network.get().getAddress();
      ByteBuffer.wrap(address).putInt(address.length - Integer.BYTES, number);
      return InetAddress.getByAddress(address);
    }
    if (!front.getAddress().isLoopbackAddress()) {
      return new InetSocketAddress(0).getAddress();
    }
    int n = number - 1;
    byte[] address = {
      127, (byte) (1 + n / 62_500), (byte) (n / 250 % 250), (byte) (1 + n % 250),
    };
    return InetAddress.getByAddress(address);
  }
}
