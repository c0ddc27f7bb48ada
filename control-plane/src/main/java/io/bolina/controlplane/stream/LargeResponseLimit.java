package io.bolina.controlplane.stream;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Limits how many bytes of large responses are being sent at a time, so that a thousand Envoys that
 * connect at once do not each get a copy of a large fleet at the same moment. Streams that find the
 * limit reached wait in a queue, first come, first served; those of one peer have a quarter of it,
 * so that one that does not read keeps no other waiting.
 *
 * @param <S> a stream
 */
final class LargeResponseLimit<S> {
  /** A response of at most this many bytes is not limited. */
  static final int SMALL = 64 * 1024;

  private static final int PEER_SHARE = 4;

  private final long limit;
  private final Function<S, String> peerOf;
  private final Consumer<S> retry;
  private final Map<S, Integer> waiting = new LinkedHashMap<>();

  /** Those that waited and have their bytes now, until they take them. */
  private final Map<S, Integer> granted = new HashMap<>();

  private final Map<String, Long> ofPeers = new HashMap<>();
  private long inFlight;

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

  /** Takes bytes from the limit if there are enough now; else the stream waits. */
  synchronized boolean tryAcquire(S stream, int bytes) {
    Integer had = granted.remove(stream);
    if (had != null) {
      count(stream, -had);
      count(stream, bytes);
      return true;
    }
    if (!fits(bytes) || !fitsPeer(stream, bytes) || somebodyWaitsForAll()) {
      waiting.put(stream, bytes);
      return false;
    }
    count(stream, bytes);
    return true;
  }

  /** Gives bytes back, and calls those that wait until one of them finds the limit reached. */
  void release(S stream, int bytes) {
    synchronized (this) {
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

  /** The first that waits and may go now. */
  private synchronized Optional<S> grantNext() {
    for (Map.Entry<S, Integer> next : waiting.entrySet()) {
      S stream = next.getKey();
      int bytes = next.getValue();
      if (!fitsPeer(stream, bytes)) {
        continue;
      }
      if (!fits(bytes)) {
        return Optional.empty(); // it keeps its place
      }
      waiting.remove(stream);
      granted.put(stream, bytes);
      count(stream, bytes);
      return Optional.of(stream);
    }
    return Optional.empty();
  }

  /** What was granted and not taken: the stream has nothing large to send any more. */
  private boolean giveBack(S stream) {
    Integer had = granted.remove(stream);
    if (had != null) {
      count(stream, -had);
    }
    return had != null;
  }

  private boolean somebodyWaitsForAll() {
    return waiting.entrySet().stream()
        .anyMatch(other -> fitsPeer(other.getKey(), other.getValue()));
  }

  private boolean fits(int bytes) {
    return inFlight == 0 || inFlight + bytes <= limit;
  }

  private boolean fitsPeer(S stream, int bytes) {
    long of = ofPeers.getOrDefault(peerOf.apply(stream), 0L);
    return of == 0 || of + bytes <= limit / PEER_SHARE;
  }

  private void count(S stream, int bytes) {
    inFlight += bytes;
    ofPeers.merge(
        peerOf.apply(stream),
        (long) bytes,
        (had, more) -> had + more == 0 ? null : Long.valueOf(had + more));
  }
}
