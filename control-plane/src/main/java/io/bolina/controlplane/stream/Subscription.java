package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.bolina.controlplane.served.Served;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What one stream wants of one type, and what it has been told. An Envoy that refused something has
 * been told it all the same: it is not told again until there is something else to tell. So a
 * refusal can never loop.
 *
 * @param <Q> the protocol variant's request
 */
interface Subscription<Q> {
  /** Names everything of a type. */
  String ALL = "*";

  /**
   * Something to say.
   *
   * @param size about how many bytes it has
   * @param encoded makes the response but for its nonce: not before it is sent, since many a large
   *     one may wait for its turn
   * @param version of what the Envoy then has of this type
   * @param names of the resources that it brings
   */
  record Reply(int size, Supplier<ByteString> encoded, String version, Set<String> names) {
    Reply(ByteString body, String version, Set<String> names) {
      this(body.size(), () -> body, version, names);
    }

    ByteString body() {
      return encoded.get();
    }

    /** The same without its bytes. */
    Reply sent() {
      return new Reply(ByteString.EMPTY, version, names);
    }
  }

  /** Takes a request of the Envoy's. */
  void request(Q request);

  /** What is to be sent now, if anything; once returned, it counts as told. */
  Optional<Reply> next(Served served);

  /** The Envoy refused the last reply. */
  default void refused() {}

  /**
   * Forgets that some resources were told, so that they are told again, even if they are the same:
   * a cluster that was just sent waits for its servers.
   */
  void forget(Set<String> names);
}
