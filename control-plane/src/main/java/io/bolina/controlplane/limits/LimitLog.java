package io.bolina.controlplane.limits;

import io.bolina.runtime.Telemetry;

/** Counts and says who was refused by a limit. */
public final class LimitLog {
  private final Telemetry telemetry;

  public LimitLog(Telemetry telemetry) {
    this.telemetry = telemetry;
  }

  /**
   * Somebody was over a limit.
   *
   * @param limit which, as a metric's label
   * @param what is too much, in words
   */
  public void exceeded(String limit, Peer peer, String what) {
    telemetry.meters().counter("bolina.xds.limited", "limit", limit).increment();
    telemetry
        .warnings()
        .warn("xds-limit", limit + " " + peer.network())
        .addKeyValue("limit", limit)
        .addKeyValue("peer", peer.address())
        .addKeyValue("reason", what)
        .log("xds limit exceeded; peer refused");
  }
}
