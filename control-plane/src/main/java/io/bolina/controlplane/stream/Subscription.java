package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.bolina.controlplane.served.Served;
import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What one stream wants of one type, and what it has been sent. What an Envoy rejected counts as
 * sent: it is not sent again until there is another version, or it is offered again on purpose. So
 * a NACK can never loop.
 *
 * @param <Q> the protocol variant's request
 */
interface Subscription<Q> {
  /** Names everything of a type. */
  String ALL = "*";

  /** What it costs to hold a name, beside its characters. */
  int NAME_COST = 100;

  /**
   * A response that is not sent yet.
   *
   * @param size about how many bytes it has
   * @param encoded makes the response without its nonce: not before it is sent, since many large
   *     ones may be waiting
   * @param version of what the Envoy then has of this type
   * @param names of the resources that it brings
   * @param repeats whether it brings what has not changed, because the client asked for it again
   */
  record PendingResponse(
      int size, Supplier<ByteString> encoded, String version, Set<String> names, boolean repeats) {
    PendingResponse(ByteString body, String version, Set<String> names, boolean repeats) {
      this(body.size(), () -> body, version, names, repeats);
    }

    ByteString body() {
      return encoded.get();
    }

    /** The same without its bytes. */
    PendingResponse sent() {
      return new PendingResponse(ByteString.EMPTY, version, names, repeats);
    }
  }

  /** Takes a request of the Envoy's. */
  void request(Q request);

  /**
   * What is to be sent now, if anything; once returned, it counts as sent.
   *
   * @param mayRepeat whether it may bring what has not changed, because the client asked for it
   *     again
   */
  Optional<PendingResponse> next(Served served, boolean mayRepeat);

  /** Whether something was asked for again that has not been sent again yet. */
  boolean owesRepeat();

  /** How many names it has. */
  int size();

  /** How many bytes its names take, about. */
  long held();

  /** What names take, about. */
  static long held(Collection<String> names) {
    return names.stream().mapToLong(name -> name.length() + NAME_COST).sum();
  }

  /** Whether a response is everything that is wanted, so that an ACK is one for all of it. */
  boolean isWhole();

  /** The Envoy rejected the last response. */
  default void rejected() {}

  /** Offers what was rejected once more, if it still exists. */
  void offerAgain(Set<String> names);

  /**
   * Forgets that some resources were sent, so that they are sent again, even if they are the same:
   * a cluster that was just sent waits for its servers.
   */
  void forget(Set<String> names);
}
