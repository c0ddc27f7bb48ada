package io.bolina.controlplane.stream;

import io.bolina.controlplane.identity.PeerIdentity;
import io.bolina.runtime.LineRate;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.Warnings;
import java.time.Clock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;
import org.slf4j.spi.NOPLoggingEventBuilder;

/** What the log says about streams. */
final class StreamLog {
  private static final Logger log = LoggerFactory.getLogger(StreamLog.class);

  /** Of those who come and go: more than a fleet of Envoys makes that loses its control plane. */
  private static final int LINES_AT_ONCE = 2_000;

  private static final int LINES_PER_SECOND = 20;

  /** Each has a stack trace. */
  private static final int FAILURES_AT_ONCE = 20;

  private final Warnings warnings;
  private final Clock clock;
  private final LineRate comeAndGo = new LineRate(LINES_AT_ONCE, LINES_PER_SECOND);
  private final LineRate failures = new LineRate(FAILURES_AT_ONCE, 1);
  private final boolean gateExpected;

  /**
   * @param gateExpected whether an Envoy without the gate deserves a warning
   */
  StreamLog(Telemetry telemetry, boolean gateExpected) {
    this.warnings = telemetry.warnings();
    this.clock = telemetry.clock();
    this.gateExpected = gateExpected;
  }

  void connected(EnvoyStream<?> stream) {
    about(stream, info()).addKeyValue("gate", stream.gate()).log("envoy connected");
    if (gateExpected && !stream.gate().gated()) {
      warnings
          .warn("no-gate", stream.node())
          .addKeyValue("envoy", stream.node())
          .addKeyValue("reason", stream.gate().reason())
          .log("envoy has no gate although there are rules; all packets pass");
    }
  }

  void tokens(EnvoyStream<?> stream, boolean asked) {
    if (asked && !stream.tokens().on()) {
      warnings
          .warn("no-tokens", stream.node())
          .addKeyValue("envoy", stream.node())
          .addKeyValue("reason", stream.tokens().reason())
          .log("envoy does not choose servers by tokens although its bootstrap asks for it");
    }
  }

  void disconnected(EnvoyStream<?> stream) {
    about(stream, info()).log("envoy disconnected");
  }

  /** A line that anybody can cause. */
  private LoggingEventBuilder info() {
    return limited(comeAndGo, log.atInfo());
  }

  private LoggingEventBuilder limited(LineRate rate, LoggingEventBuilder line) {
    if (!rate.mayLog(clock.instant())) {
      return NOPLoggingEventBuilder.singleton();
    }
    long leftOut = rate.takeLeftOut();
    return leftOut == 0 ? line : line.addKeyValue("suppressed-others", leftOut);
  }

  void unsupportedType(EnvoyStream<?> stream, String type) {
    warnings
        .warn("xds-type", stream.node() + " " + type)
        .addKeyValue("envoy", stream.node())
        .addKeyValue("type", type)
        .log("unsupported type; ignored");
  }

  void unknownNonce(EnvoyStream<?> stream, String type) {
    warnings
        .warn("xds-nonce", stream.node())
        .addKeyValue("envoy", stream.node())
        .addKeyValue("type", XdsTypes.shortName(type))
        .log("xds request answers what was not sent on this stream; its subscriptions count");
  }

  void offeredAgain(EnvoyStream<?> stream, String type, String version, Refused refused) {
    info()
        .addKeyValue("envoy", stream.node())
        .addKeyValue("type", XdsTypes.shortName(type))
        .addKeyValue("version", version)
        .addKeyValue("times-refused", refused.times())
        .log("offering again what envoy rejected");
  }

  void invalidRequest(EnvoyStream<?> stream, String reason) {
    warnings
        .warn("xds-request", stream.node())
        .addKeyValue("envoy", stream.node())
        .addKeyValue("reason", reason)
        .log("invalid xds request; stream closed");
  }

  void notItsNode(EnvoyStream<?> stream, PeerIdentity who, String node) {
    warnings
        .warn("xds-node", who.toString())
        .addKeyValue("peer", stream.peer())
        .addKeyValue("identity", who)
        .addKeyValue("node", node)
        .log("envoy's node id is none of its certificate's names; stream refused");
  }

  void sendingFailed(EnvoyStream<?> stream, RuntimeException e) {
    about(stream, limited(failures, log.atError()))
        .setCause(e)
        .log("sending to envoy failed; stream closed");
  }

  void rejected(EnvoyStream<?> stream, String type, Subscription.PendingResponse what, String why) {
    LoggingEventBuilder event =
        warnings
            .warn("nack", stream.node() + " " + type)
            .addKeyValue("envoy", stream.node())
            .addKeyValue("type", XdsTypes.shortName(type))
            .addKeyValue("version", what.version());
    if (type.equals(XdsTypes.MEMBER)) {
      event = event.addKeyValue("servers", what.names());
    }
    event
        .addKeyValue("reason", why)
        .log("configuration rejected by envoy; previous version stays in force");
  }

  void fallsBack(EnvoyStream<?> stream, Fallback fallback) {
    switch (fallback) {
      case WITHOUT_GATE ->
          warnings
              .warn("no-gate", stream.node())
              .addKeyValue("envoy", stream.node())
              .addKeyValue(
                  "hint",
                  "its ENVOY_DYNAMIC_MODULES_SEARCH_PATH must name the folder of the module")
              .log("envoy cannot load the gate module; all packets pass");
      case WITHOUT_TOKENS -> tokens(stream, true);
      case EDS ->
          limited(comeAndGo, log.atWarn())
              .addKeyValue("envoy", stream.node())
              .log("envoy rejected leds; switched to eds");
      case NONE -> {
        // Nothing changes.
      }
    }
  }

  private static LoggingEventBuilder about(EnvoyStream<?> stream, LoggingEventBuilder event) {
    return event
        .addKeyValue("envoy", stream.node())
        .addKeyValue("peer", stream.peer())
        .addKeyValue("identity", stream.who())
        .addKeyValue("method", stream.method());
  }
}
