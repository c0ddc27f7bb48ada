package io.bolina.controlplane.resources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.util.Durations;
import io.bolina.controlplane.FleetsForTest;
import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.registry.model.Health;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.core.v3.HealthCheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ActiveHealthCheckTest {
  private static final UdpService PLAIN = new UdpService("bolina", "127.0.0.1", 10_000);

  private final EnvoyResources resources = new EnvoyResources(ProxySettings.DEFAULTS);

  @Test
  void a_cluster_has_the_check_at_every_interval_and_lets_given_up_servers_go() {
    Cluster cluster =
        resources.cluster(
            PLAIN.with(
                ActiveHealthCheck.parse(
                    "http,port=8080,path=/alive,interval=2s,timeout=500ms,unhealthy-threshold=3")));
    assertThat(cluster.getIgnoreHealthOnHostRemoval()).isTrue();
    HealthCheck check = cluster.getHealthChecks(0);
    assertThat(check.getHttpHealthCheck().getPath()).isEqualTo("/alive");
    assertThat(Durations.toMillis(check.getInterval())).isEqualTo(2_000);
    assertThat(check.getNoTrafficInterval()).isEqualTo(check.getInterval());
    assertThat(check.getNoTrafficHealthyInterval()).isEqualTo(check.getInterval());
    assertThat(Durations.toMillis(check.getTimeout())).isEqualTo(500);
    assertThat(check.getUnhealthyThreshold().getValue()).isEqualTo(3);
    assertThat(cluster.toBuilder().clearHealthChecks().clearIgnoreHealthOnHostRemoval().build())
        .as("the rest")
        .isEqualTo(resources.cluster(PLAIN));
  }

  @Test
  void servers_are_checked_at_the_port_it_names_in_full_lists_and_one_by_one() {
    var decisions =
        new Admission(AdmissionSettings.DEFAULTS)
            .decide(
                FleetsForTest.fleet(
                    FleetsForTest.member(1, Health.PASSING, 0.1),
                    FleetsForTest.member(2, Health.CRITICAL, 0.1)));
    EnvoyResources at = resources.ofServersOf(PLAIN.with(ActiveHealthCheck.parse("tcp,port=8080")));
    assertThat(
            at.loadAssignment("bolina", decisions).getEndpoints(0).getLbEndpointsList().stream()
                .map(e -> e.getEndpoint().getHealthCheckConfig().getPortValue()))
        .containsExactly(8080, 8080);
    assertThat(at.member(decisions.get(1)).getEndpoint().getHealthCheckConfig().getPortValue())
        .isEqualTo(8080);
    for (UdpService own : new UdpService[] {PLAIN, PLAIN.with(ActiveHealthCheck.parse("tcp"))}) {
      assertThat(resources.ofServersOf(own).member(decisions.get(1)))
          .isEqualTo(resources.member(decisions.get(1)));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "udp | 'udp' is none of tcp, http",
        "tcp,port=0 | '0' is not in the range",
        "tcp,path=/x | a check over TCP has no path",
        "http,path=x | does not begin with '/'",
        "tcp,intervall=1s | 'intervall' is no option of a health check",
        "tcp,port=1,port=2 | 'port' is given twice",
        "tcp, | is not KEY=VALUE",
        "tcp,interval=1 | is not a time",
        "tcp,unhealthy-threshold=0 | is not in the range"
      })
  void what_cannot_be_read_is_named(String text, String message) {
    assertThatThrownBy(() -> ActiveHealthCheck.parse(text)).hasMessageContaining(message);
  }
}
