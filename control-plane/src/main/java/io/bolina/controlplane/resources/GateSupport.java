package io.bolina.controlplane.resources;

import com.google.protobuf.Value;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.type.v3.SemanticVersion;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which Envoys get the gate. An Envoy that cannot load it would reject its whole listener, so only
 * one that says that the module is there, can load such modules, and is of a version that the
 * module was tested with gets it.
 *
 * @param gated whether it gets the gate
 * @param reason why not, in words; empty if it does
 */
public record GateSupport(boolean gated, String reason) {
  /** The key of the node's metadata that says which interface the module beside it is for. */
  static final String METADATA = "bolina.gate";

  /** The version of Envoy's interface for modules that the module of this Bolina is for. */
  static final String ABI = "v0.2.0";

  static final String FILTER = "envoy.filters.udp_listener.dynamic_modules";
  static final String POLICY = "envoy.load_balancing_policies.dynamic_modules";

  /** The interface's version by Envoy's, of those that the tests ran on. */
  private static final Map<String, String> TESTED = Map.of("1.40", ABI);

  private static final GateSupport YES = new GateSupport(true, "");

  /** Decides about an Envoy by what it says of itself with its first request. */
  public static GateSupport of(Node node) {
    Value metadata = node.getMetadata().getFieldsOrDefault(METADATA, Value.getDefaultInstance());
    String abi = metadata.getStringValue();
    if (abi.isEmpty()) {
      return no(
          "its bootstrap does not say that the module is there (bolina envoy-bootstrap --gate does)");
    }
    SemanticVersion version = node.getUserAgentBuildVersion().getVersion();
    String minor = version.getMajorNumber() + "." + version.getMinorNumber();
    if (!abi.equals(TESTED.get(minor))) {
      return no(
          "it is Envoy "
              + minor
              + " with a module for interface "
              + abi
              + "; the gate is tested with Envoy and interface "
              + TESTED);
    }
    Set<String> missing = new HashSet<>(Set.of(FILTER, POLICY));
    node.getExtensionsList().forEach(extension -> missing.remove(extension.getName()));
    return missing.isEmpty() ? YES : no("it was built without " + missing);
  }

  @Override
  public String toString() {
    return gated ? "on" : "off: " + reason;
  }

  private static GateSupport no(String why) {
    return new GateSupport(false, why);
  }
}
