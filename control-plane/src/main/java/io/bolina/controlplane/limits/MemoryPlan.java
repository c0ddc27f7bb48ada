package io.bolina.controlplane.limits;

/**
 * What fits into the memory that a control plane has. The figures are measured, and rounded up
 * (docs/operations.md, Sizing).
 *
 * @param limit of the container, the systemd unit or the host, in bytes
 * @param heap at most, in bytes
 */
public record MemoryPlan(long limit, long heap) {
  private static final long MIB = 1 << 20;

  /** What the JVM has beside heap and direct memory: classes, compiled code, threads. */
  static final long OUTSIDE = 128 * MIB;

  /** Without a server and an Envoy, in the heap. */
  static final long BASE = 24 * MIB;

  /** A server in the heap, with what is made anew when it changes. */
  static final long SERVER = 4 * 1024;

  /** A connected Envoy, in the heap; as much in direct memory. */
  static final long STREAM = 24 * 1024;

  /** Large responses that are under way, in direct memory. */
  static final long RESPONSES = 16 * MIB;

  private static final long LEAST_DIRECT = 24 * MIB;

  /** So much direct memory may be used, in bytes. */
  public long direct() {
    return Math.max(LEAST_DIRECT, Math.min(heap, limit - heap - OUTSIDE));
  }

  /** Whether heap, direct memory and the rest may become more than there is. */
  public boolean overcommitted() {
    return heap + direct() + OUTSIDE > limit;
  }

  /** The heap that a fleet and its Envoys need, in bytes. */
  public static long heapFor(long servers, long streams, long held) {
    return BASE + servers * SERVER + streams * STREAM + held;
  }

  /** How many servers fit beside so many Envoys. */
  public long servers(long streams, long held) {
    return Math.max(0, (heap - heapFor(0, streams, held)) / SERVER);
  }

  /** How many Envoys fit into the direct memory, whatever the fleet. */
  public long streams() {
    return Math.max(0, (direct() - RESPONSES) / STREAM);
  }
}
