package io.bolina.sandbox.chaos;

import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Clients that arrive all the time, each from an address of its own, talk for a while and leave.
 */
final class Newcomers {
  private static final Logger log = LoggerFactory.getLogger(Newcomers.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration BETWEEN = Duration.ofMillis(500);

  private final Clients clients;
  private final double perSecond;
  private final List<Arrival> underWay = new ArrayList<>();
  private final List<Arrived> arrived = new ArrayList<>();
  private final AtomicBoolean over = new AtomicBoolean();
  private final Thread thread = new Thread(this::arrive, "newcomers");

  /**
   * A client that came.
   *
   * @param server who answered it; empty if nobody did within 10 s
   * @param sentNanos when it sent its first datagram, by {@link System#nanoTime}
   * @param answeredNanos when the first answer came, or when it gave up
   */
  record Arrived(String server, long sentNanos, long answeredNanos) {}

  private static final class Arrival {
    private final SimulatedClient client;
    private final long sentNanos = System.nanoTime();
    private long lastNanos = sentNanos;
    private boolean answered;

    private Arrival(SimulatedClient client) {
      this.client = client;
    }
  }

  Newcomers(Clients clients, double perSecond) {
    this.clients = clients;
    this.perSecond = perSecond;
  }

  void start() {
    thread.setDaemon(true);
    thread.start();
  }

  /** Nobody comes any more; waits for those that have. */
  List<Arrived> end() throws InterruptedException {
    over.set(true);
    thread.join();
    return List.copyOf(arrived);
  }

  private void arrive() {
    long start = System.nanoTime();
    long came = 0;
    while (!over.get() || !underWay.isEmpty()) {
      try {
        long now = System.nanoTime();
        while (!over.get() && came < (now - start) / 1e9 * perSecond) {
          came++;
          Arrival arrival = new Arrival(clients.arrive(1).get(0));
          underWay.add(arrival);
          arrival.client.send();
        }
        follow(now);
        Thread.sleep(20);
      } catch (IOException e) {
        log.atDebug().setCause(e).log("newcomer cannot send");
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private void follow(long now) throws IOException {
    for (Iterator<Arrival> all = underWay.iterator(); all.hasNext(); ) {
      Arrival one = all.next();
      if (!one.answered && one.client.server().isPresent()) {
        one.answered = true;
        arrived.add(
            new Arrived(one.client.server().get(), one.sentNanos, one.client.newestAnswerNanos()));
      }
      boolean gaveUp = !one.answered && now - one.sentNanos > PATIENCE.toNanos();
      if (gaveUp) {
        arrived.add(new Arrived("", one.sentNanos, now));
      }
      if (gaveUp || (one.answered && one.client.sent() >= 4 && one.client.outstanding() == 0)) {
        clients.leave(List.of(one.client));
        all.remove();
      } else if (now - one.lastNanos > BETWEEN.toNanos()) {
        one.lastNanos = now;
        if (!one.answered || one.client.sent() < 4) {
          one.client.send();
        } else if (now - one.sentNanos > 2 * PATIENCE.toNanos()) {
          clients.leave(List.of(one.client)); // its server has died meanwhile
          all.remove();
        }
      }
    }
  }
}
