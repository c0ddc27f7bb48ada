package io.bolina.controlplane.resources;

import static io.bolina.controlplane.FleetsForTest.fleet;
import static io.bolina.controlplane.FleetsForTest.member;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.xds.type.v3.TypedStruct;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.registry.model.Health;
import io.envoyproxy.envoy.config.listener.v3.Listener;
import io.envoyproxy.envoy.extensions.filters.udp.udp_proxy.v3.Route;
import io.envoyproxy.envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/**
 * What Envoy is sent, byte for byte. A change of the cluster or the listener re-creates every
 * session of every Envoy at the upgrade, so it must never happen by accident: if this test fails,
 * either take the change back, or change the file too and say so in the changelog.
 */
class FrozenBytesTest {
  private static final UdpService SERVICE = new UdpService("bolina", "127.0.0.1", 10_000);

  private final EnvoyResources resources = new EnvoyResources(ProxySettings.DEFAULTS);

  private static void assertFrozen(String name, MessageOrBuilder message) throws IOException {
    JsonFormat.Printer printer =
        JsonFormat.printer()
            .usingTypeRegistry(
                TypeRegistry.newBuilder()
                    .add(UdpProxyConfig.getDescriptor())
                    .add(Route.getDescriptor())
                    .add(TypedStruct.getDescriptor())
                    .build());
    Path file = Path.of("src/test/resources/frozen/" + name + ".json");
    if (Boolean.getBoolean("bolina.write") && !Files.exists(file)) {
      Files.writeString(file, printer.print(message) + "\n");
    }
    assertThat(printer.print(message) + "\n").isEqualTo(Files.readString(file));
  }

  @Test
  void cluster() throws IOException {
    assertFrozen("cluster", resources.cluster(SERVICE));
  }

  @Test
  void cluster_and_listener_for_tokens() throws IOException {
    assertFrozen("token-cluster", resources.tokenCluster(SERVICE));
    assertFrozen("token-listener", resources.tokenListener(SERVICE));
  }

  @Test
  void closed_servers_are_healthy_and_marked_where_the_module_chooses_and_only_there()
      throws IOException {
    var decisions =
        new Admission(AdmissionSettings.DEFAULTS)
            .decide(fleet(member(1, Health.PASSING, 0.1), member(2, Health.CRITICAL, 0.1)));
    assertFrozen("token-assignment", resources.tokenLoadAssignment("bolina", decisions));
    assertThat(resources.loadAssignment("bolina", decisions).toString())
        .doesNotContain("metadata")
        .contains("DEGRADED");
  }

  @Test
  void listener() throws IOException {
    assertFrozen("listener", resources.listener(SERVICE));
  }

  @Test
  void a_listener_on_all_addresses_takes_both_families() {
    for (String any : new String[] {"::", "0:0:0:0:0:0:0:0", "::0"}) {
      Listener listener = resources.listener(new UdpService("bolina", any, 10_000));
      assertThat(listener.getAddress().getSocketAddress().getIpv4Compat()).as(any).isTrue();
    }
    for (String one : new String[] {"0.0.0.0", "::1", "2001:db8::", "1::"}) {
      Listener listener = resources.listener(new UdpService("bolina", one, 10_000));
      assertThat(listener.getAddress().getSocketAddress().getIpv4Compat()).as(one).isFalse();
    }
  }

  @Test
  void a_listener_without_a_hash_differs_in_that_alone() throws IOException {
    Listener plain = resources.listener(SERVICE);
    Listener unhashed = resources.listener(SERVICE.with(ClientHash.NONE));
    UdpProxyConfig proxy =
        plain.getListenerFilters(0).getTypedConfig().unpack(UdpProxyConfig.class);
    assertThat(unhashed.getListenerFilters(0).getTypedConfig().unpack(UdpProxyConfig.class))
        .isEqualTo(proxy.toBuilder().clearHashPolicies().build());
    assertThat(unhashed.toBuilder().clearListenerFilters().build())
        .isEqualTo(plain.toBuilder().clearListenerFilters().build());
  }

  @Test
  void listener_with_the_gate() throws IOException {
    assertFrozen("listener-with-gate", resources.gatedListener(SERVICE));
  }

  @Test
  void load_assignment() throws IOException {
    assertFrozen(
        "load-assignment",
        resources.loadAssignment(
            "bolina",
            new Admission(AdmissionSettings.DEFAULTS)
                .decide(
                    fleet(
                        member(1, Health.PASSING, 0.1),
                        member(2, Health.CRITICAL, 0.1),
                        member(3, Health.WARNING, 0.6)))));
  }

  @Test
  void load_assignment_of_servers_one_by_one() throws IOException {
    assertFrozen(
        "load-assignment-one-by-one",
        resources.loadAssignment("bolina", EnvoyResources.collectionPrefix("bolina", "a") + "*"));
  }

  @Test
  void servers_one_by_one() throws IOException {
    var decisions =
        new Admission(AdmissionSettings.DEFAULTS)
            .decide(fleet(member(1, Health.PASSING, 0.1), member(2, Health.CRITICAL, 0.1)));
    assertFrozen("member-open", resources.member(decisions.get(0)));
    assertFrozen("member-closed", resources.member(decisions.get(1)));
    assertThat(EnvoyResources.memberKey(decisions.get(0))).isEqualTo("10.0.0.1-7000");
  }
}
