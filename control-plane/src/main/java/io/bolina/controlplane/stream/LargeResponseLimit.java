package io.bolina.controlplane.stream;

import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Limits how many bytes of large responses are being sent at a time, so that a thousand Envoys that
 * connect at once do not each get a copy of a large fleet at the same moment. Streams that find the
 * limit reached wait: next is the first of the peer that has least under way. While somebody waits,
 * whoever takes too long to read is overdue, so that no peer keeps the others waiting by not
 * reading.
 *
 * @param <S> a stream
 */
final class LargeResponseLimit<S> {
  /** A response of at most this many bytes is not limited. */
  static final int SMALL = 64 * 1024;

  /** While others wait, this long and so long for each byte may a response be under way. */
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  private static final long NANOS_PER_BYTE = Duration.ofSeconds(1).toNanos() / (256 * 1024);

  private final long limit;
  private final Function<S, String> peerOf;
  private final Consumer<S> retry;
  private final Map<S, Integer> waiting = new LinkedHashMap<>();

  /** Those that waited and have their bytes now, until they take them. */
  private final Map<S, Integer> granted = new HashMap<>();

  private final Map<S, Reading> reading = new LinkedHashMap<>();
  private final Map<String, Long> ofPeers = new HashMap<>();
  private long inFlight;

  /** A response that is under way, and since when. */
  private record Reading(int bytes, long since) {
    private boolean isOverdue(long now) {
      return now - since > PATIENCE.toNanos() + bytes * NANOS_PER_BYTE;
    }
  }

  /**
   * @param limit bytes that may be in flight at once; a larger response goes alone
   * @param peerOf whose a stream is
   * @param retry is told of a stream that has waited when there are enough
   */
  LargeResponseLimit(long limit, Function<S, String> peerOf, Consumer<S> retry) {
    this.limit = limit;
    this.peerOf = peerOf;
    this.retry = retry;
  }

  /**
   * Takes bytes from the limit if there are enough now; else the stream waits.
   *
   * @param now in nanoseconds of a steady clock
   */
  synchronized boolean tryAcquire(S stream, int bytes, long now) {
    Integer had = granted.remove(stream);
    if (had != null) {
      count(stream, -had);
    } else if (!fits(bytes) || !waiting.isEmpty()) {
      waiting.put(stream, bytes);
      return false;
    }
    count(stream, bytes);
    reading.put(stream, new Reading(bytes, now));
    return true;
  }

  /** Gives bytes back, and calls those that wait until one of them finds the limit reached. */
  void release(S stream, int bytes) {
    synchronized (this) {
      reading.remove(stream);
      count(stream, -bytes);
    }
    callWaiting();
  }

  /** A stream is over, and waits no more. */
  void withdraw(S stream) {
    boolean had;
    synchronized (this) {
      waiting.remove(stream);
      had = giveBack(stream);
    }
    if (had) {
      callWaiting();
    }
  }

  /** Who has had its time to read, while others wait. */
  synchronized List<S> overdue(long now) {
    if (waiting.isEmpty()) {
      return List.of();
    }
    return reading.entrySet().stream()
        .filter(entry -> entry.getValue().isOverdue(now))
        .map(Map.Entry::getKey)
        .toList();
  }

  private void callWaiting() {
    Optional<S> next = grantNext();
    while (next.isPresent()) {
      retry.accept(next.get());
      synchronized (this) {
        giveBack(next.get());
      }
      next = grantNext();
    }
  }

  /** The one whose turn it is, if there is room for it. */
  private synchronized Optional<S> grantNext() {
    S next = null;
    long least = Long.MAX_VALUE;
    for (S stream : waiting.keySet()) {
      long of = ofPeers.getOrDefault(peerOf.apply(stream), 0L);
      if (of < least) {
        least = of;
        next = stream;
      }
    }
    if (next == null || !fits(waiting.get(next))) {
      return Optional.empty(); // it keeps its place
    }
    int bytes = waiting.remove(next);
    granted.put(next, bytes);
    count(next, bytes);
    return Optional.of(next);
  }

  /** What was granted and not taken: the stream has nothing large to send any more. */
  private boolean giveBack(S stream) {
    Integer had = granted.remove(stream);
    if (had != null) {
      count(stream, -had);
    }
    return had != null;
  }

  private boolean fits(int bytes) {
    return inFlight == 0 || inFlight + bytes <= limit;
  }

  private void count(S stream, int bytes) {
    inFlight += bytes;
    ofPeers.merge(
        peerOf.apply(stream),
        (long) bytes,
        (had, more) -> had + more == 0 ? null : Long.valueOf(had + more));
  }
}
