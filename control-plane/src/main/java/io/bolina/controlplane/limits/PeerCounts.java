package io.bolina.controlplane.limits;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** How many of something there are at a time, of all peers and of each. */
public final class PeerCounts {
  private final String what;
  private final XdsLimits.Most most;
  private final Map<String, Integer> peers = new HashMap<>();
  private int all;

  /**
   * @param what they are, in the plural
   */
  public PeerCounts(String what, XdsLimits.Most most) {
    this.what = what;
    this.most = most;
  }

  /**
   * One more, unless that is too many.
   *
   * @return which limit that would be over; empty if it counts
   */
  public synchronized Optional<String> open(Peer peer) {
    if (all >= most.all()) {
      return Optional.of(what);
    }
    int of = peers.getOrDefault(peer.network(), 0);
    if (of >= most.peer()) {
      return Optional.of("peer-" + what);
    }
    peers.put(peer.network(), of + 1);
    all++;
    return Optional.empty();
  }

  /** One that counted is over. */
  public synchronized void close(Peer peer) {
    peers.computeIfPresent(peer.network(), (network, of) -> of > 1 ? of - 1 : null);
    all--;
  }

  /** How many there are. */
  public synchronized int all() {
    return all;
  }

  /** Whether there can be no more, whoever wants one. */
  public synchronized boolean full() {
    return all >= most.all();
  }
}
