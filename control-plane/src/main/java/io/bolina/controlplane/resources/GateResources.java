package io.bolina.controlplane.resources;

import com.github.xds.type.v3.TypedStruct;
import com.google.protobuf.Any;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.ListValue;
import com.google.protobuf.StringValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.cluster.v3.LoadBalancingPolicy;
import io.envoyproxy.envoy.config.core.v3.TypedExtensionConfig;
import io.envoyproxy.envoy.config.listener.v3.Listener;
import io.envoyproxy.envoy.config.listener.v3.ListenerFilter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an Envoy with the gate gets besides: a filter in the listener, and a cluster without servers
 * whose load balancing policy is the gate's module and whose settings are the rules.
 *
 * <p>Rules cannot come with the filter, since a listener that changes re-creates every session of
 * its own; a cluster that no session uses can change at any time. The filter itself never changes.
 * docs/gate.md has the whole story.
 *
 * <p>The messages are sent as {@link TypedStruct}, since the protos in use are older than they are.
 */
public final class GateResources {
  /** The module's file is {@code libbolina_gate.so}. */
  static final String MODULE = "bolina_gate";

  private static final String CLUSTER_PREFIX = "bolina-gate.";
  private static final String TYPES = "type.googleapis.com/envoy.extensions.";

  private GateResources() {}

  /** The name of the cluster that carries the rules of a service. */
  public static String clusterName(String service) {
    return CLUSTER_PREFIX + service;
  }

  /**
   * The cluster that carries rules.
   *
   * @param rules maps, lists, texts, numbers and truth values
   */
  public static Cluster cluster(String service, Map<String, Object> rules) {
    return Cluster.newBuilder()
        .setName(clusterName(service))
        .setType(Cluster.DiscoveryType.STATIC)
        .setLoadBalancingPolicy(policy(service, Struct.getDescriptor(), rules))
        .build();
  }

  /** The policy by which the module chooses the servers of a service. */
  static LoadBalancingPolicy tokenPolicy(String service) {
    return policy(service, StringValue.getDescriptor(), "tokens");
  }

  private static LoadBalancingPolicy policy(String service, Descriptor type, Object settings) {
    Map<String, Object> policy = new LinkedHashMap<>();
    policy.put("dynamic_module_config", module());
    policy.put("lb_policy_name", service);
    policy.put(
        "lb_policy_config",
        inOrder("@type", "type.googleapis.com/" + type.getFullName(), "value", settings));
    return LoadBalancingPolicy.newBuilder()
        .addPolicies(
            LoadBalancingPolicy.Policy.newBuilder()
                .setTypedExtensionConfig(
                    TypedExtensionConfig.newBuilder()
                        .setName(GateSupport.POLICY)
                        .setTypedConfig(
                            typed(
                                "load_balancing_policies.dynamic_modules.v3.DynamicModulesLoadBalancerConfig",
                                policy))))
        .build();
  }

  /** Whether a cluster carries rules. */
  public static boolean isRules(String cluster) {
    return cluster.startsWith(CLUSTER_PREFIX);
  }

  /** The listener with the filter in front of all others. */
  static Listener withFilter(Listener listener, String service) {
    ListenerFilter filter =
        ListenerFilter.newBuilder()
            .setName(GateSupport.FILTER)
            .setTypedConfig(
                typed(
                    "filters.udp.dynamic_modules.v3.DynamicModuleUdpListenerFilter",
                    inOrder("dynamic_module_config", module(), "filter_name", service)))
            .build();
    return listener.toBuilder().addListenerFilters(0, filter).build();
  }

  private static Map<String, Object> module() {
    Map<String, Object> module = inOrder("name", MODULE, "do_not_close", true);
    module.put("metrics_namespace", MODULE);
    return module;
  }

  private static Any typed(String type, Map<String, Object> fields) {
    return Any.pack(
        TypedStruct.newBuilder()
            .setTypeUrl(TYPES + type)
            .setValue(value(fields).getStructValue())
            .build());
  }

  private static Map<String, Object> inOrder(String a, Object first, String b, Object second) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put(a, first);
    map.put(b, second);
    return map;
  }

  private static Value value(Object of) {
    if (of instanceof Map<?, ?> map) {
      Struct.Builder struct = Struct.newBuilder();
      map.forEach((key, field) -> struct.putFields((String) key, value(field)));
      return Value.newBuilder().setStructValue(struct).build();
    } else if (of instanceof List<?> list) {
      ListValue.Builder values = ListValue.newBuilder();
      list.forEach(item -> values.addValues(value(item)));
      return Value.newBuilder().setListValue(values).build();
    } else if (of instanceof Number number) {
      return Value.newBuilder().setNumberValue(number.doubleValue()).build();
    } else if (of instanceof Boolean truth) {
      return Value.newBuilder().setBoolValue(truth).build();
    } else if (of instanceof String text) {
      return Value.newBuilder().setStringValue(text).build();
    }
    throw new IllegalArgumentException("no field can hold " + of);
  }
}
