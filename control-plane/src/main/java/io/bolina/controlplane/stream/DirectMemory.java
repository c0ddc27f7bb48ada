package io.bolina.controlplane.stream;

import io.grpc.netty.shaded.io.netty.util.internal.PlatformDependent;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;

/**
 * The memory outside the heap that connections read and write with. Without any left, the port is
 * deaf: it neither reads nor says why, and the JVM does not end for it as for a full heap.
 */
public final class DirectMemory {
  /** How the transport is told its limit, before it is loaded. */
  private static final String LIMIT = "io.grpc.netty.shaded.io.netty.maxDirectMemory";

  /** Netty takes memory in pieces of this size: without room for one, what is left is of no use. */
  static final long PIECE = 4 << 20;

  private DirectMemory() {}

  /** Sets the limit, unless an option of the JVM does; before the first server is made. */
  public static void limit(long bytes) {
    if (System.getProperty(LIMIT) == null) {
      System.setProperty(LIMIT, Long.toString(bytes));
    }
  }

  /** Why no connection can be read from or written to any more; empty if they can. */
  public static Optional<String> exhausted() {
    return exhausted(PlatformDependent.usedDirectMemory(), PlatformDependent.maxDirectMemory());
  }

  static Optional<String> exhausted(long used, long most) {
    return used + PIECE > most
        ? Optional.of("direct memory is exhausted: " + used + " of " + most + " bytes")
        : Optional.empty();
  }

  static void measure(MeterRegistry meters) {
    meters.gauge("bolina.direct.memory.bytes", 0, x -> PlatformDependent.usedDirectMemory());
    meters.gauge("bolina.direct.memory.max.bytes", 0, x -> PlatformDependent.maxDirectMemory());
  }
}
