package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.bolina.controlplane.served.Served;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What one stream wants of one type, and what it has been sent. What an Envoy rejected counts as
 * sent: it is not sent again until there is another version. So a NACK can never loop.
 *
 * @param <Q> the protocol variant's request
 */
interface Subscription<Q> {
  /** Names everything of a type. */
  String ALL = "*";

  /**
   * A response that is not sent yet.
   *
   * @param size about how many bytes it has
   * @param encoded makes the response without its nonce: not before it is sent, since many large
   *     ones may be waiting
   * @param version of what the Envoy then has of this type
   * @param names of the resources that it brings
   */
  record PendingResponse(
      int size, Supplier<ByteString> encoded, String version, Set<String> names) {
    PendingResponse(ByteString body, String version, Set<String> names) {
      this(body.size(), () -> body, version, names);
    }

    ByteString body() {
      return encoded.get();
    }

    /** The same without its bytes. */
    PendingResponse sent() {
      return new PendingResponse(ByteString.EMPTY, version, names);
    }
  }

  /** Takes a request of the Envoy's. */
  void request(Q request);

  /** What is to be sent now, if anything; once returned, it counts as sent. */
  Optional<PendingResponse> next(Served served);

  /** The Envoy rejected the last response. */
  default void rejected() {}

  /**
   * Forgets that some resources were sent, so that they are sent again, even if they are the same:
   * a cluster that was just sent waits for its servers.
   */
  void forget(Set<String> names);
}
