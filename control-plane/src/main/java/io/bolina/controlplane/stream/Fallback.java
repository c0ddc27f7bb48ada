package io.bolina.controlplane.stream;

import io.bolina.controlplane.resources.EnvoyResources;
import java.util.regex.Pattern;

/** What a stream is given instead after its Envoy has rejected what not every Envoy can use. */
enum Fallback {
  /** Nothing else: the Envoy keeps its previous version, and gets the next one. */
  NONE,
  /** A listener without the gate, since the Envoy cannot load the gate's module. */
  WITHOUT_GATE,
  /** Clusters that Envoy chooses from itself, since it cannot load the module that would. */
  WITHOUT_TOKENS,
  /** Full lists of servers (EDS), since the Envoy does not take a reference to a collection. */
  EDS;

  /** What Envoy's error says when it is the gate's module that it cannot load. */
  private static final Pattern MODULE =
      Pattern.compile("dynamic[ _]module", Pattern.CASE_INSENSITIVE);

  /**
   * Decides what follows from a NACK.
   *
   * @param type the type URL of what was rejected
   * @param error Envoy's reason
   * @param gated whether the stream has been given the gate
   * @param tokens whether it has been given clusters from which the module chooses, and has none of
   *     them yet
   * @param leds whether the stream has been given references to collections
   */
  static Fallback after(String type, String error, boolean gated, boolean tokens, boolean leds) {
    if (tokens && type.equals(XdsTypes.CLUSTER) && error.contains(EnvoyResources.tokenName(""))) {
      return WITHOUT_TOKENS;
    }
    if (gated && type.equals(XdsTypes.LISTENER) && MODULE.matcher(error).find()) {
      return WITHOUT_GATE;
    }
    if (leds && type.equals(XdsTypes.ENDPOINT)) {
      return EDS;
    }
    return NONE;
  }
}
