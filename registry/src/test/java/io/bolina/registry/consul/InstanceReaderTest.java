package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.ServiceListing;
import io.bolina.runtime.Warnings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InstanceReaderTest {
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final InstanceReader reader =
      new InstanceReader("bolina", new Warnings(meters, Clock.systemUTC()));

  private List<ServiceListing.Instance> read(String... instances) throws Exception {
    String answer = "[" + String.join(",", instances).replace('\'', '"') + "]";
    return reader
        .read(
            new JsonArrayReader(new ByteArrayInputStream(answer.getBytes(StandardCharsets.UTF_8))))
        .instances();
  }

  private static String instance(String service, String... checks) {
    return "{'Node': {'Node': 'n', 'Address': '10.1.1.1', 'Meta': {'zone': 'of-node'}}, 'Service': "
        + service
        + ", 'Checks': ["
        + String.join(",", checks)
        + "]}";
  }

  private static String check(String id, String status) {
    return "{'CheckID': '" + id + "', 'Name': 'c', 'Status': '" + status + "', 'Output': 'out'}";
  }

  private static final String GOOD =
      "{'ID': 'b-1', 'Address': '10.0.0.1', 'Port': 7000, 'Meta': null}";

  @ParameterizedTest
  @CsvSource({
    "passing, passing, PASSING", "passing, warning, WARNING", "critical, warning, CRITICAL",
    "warning, passing, WARNING", "passing, critical, CRITICAL", "passing, odd, CRITICAL"
  })
  void the_worst_check_decides(String one, String other, Health health) throws Exception {
    assertThat(read(instance(GOOD, check("a", one), check("b", other))).get(0).health())
        .isEqualTo(health);
  }

  @Test
  void a_token_that_is_none_is_warned_of_and_the_server_stays() throws Exception {
    String bad =
        "{'ID': 'b-1', 'Address': '10.0.0.1', 'Port': 7000, 'Meta': {'bolina-token': 'xyz'}}";
    assertThat(read(instance(bad))).hasSize(1);
    assertThat(meters.counter("bolina.bad.input", "kind", "token").count()).isEqualTo(1);
    assertThat(read(instance(bad.replace("xyz", "cafe0001")))).hasSize(1);
    assertThat(meters.counter("bolina.bad.input", "kind", "token").count()).isEqualTo(1);
  }

  @Test
  void without_any_check_a_server_passes() throws Exception {
    assertThat(read(instance(GOOD)).get(0).health()).isEqualTo(Health.PASSING);
  }

  @Test
  void the_node_check_says_whether_the_machine_is_lost_and_nothing_of_the_servers_health()
      throws Exception {
    ServiceListing.Instance seen = read(instance(GOOD, check("serfHealth", "critical"))).get(0);
    assertThat(seen.nodeLost()).isTrue();
    assertThat(seen.health()).isEqualTo(Health.PASSING);
  }

  @Test
  void maintenance_of_a_service_or_its_node_is_draining() throws Exception {
    for (String id : new String[] {"_service_maintenance:b-1", "_node_maintenance"}) {
      ServiceListing.Instance seen = read(instance(GOOD, check(id, "critical"))).get(0);
      assertThat(seen.maintenance()).isTrue();
      assertThat(seen.health()).isEqualTo(Health.PASSING);
    }
  }

  @Test
  void the_nodes_address_and_zone_stand_in_for_missing_ones() throws Exception {
    var server = read(instance("{'ID': 'b-1', 'Address': '', 'Port': 7000}")).get(0).server();
    assertThat(server.address()).isEqualTo("10.1.1.1");
    assertThat(server.zone()).isEqualTo("of-node");
    assertThat(
            read(instance("{'ID': 'b-1', 'Address': '10.0.0.1', 'Port': 7, 'Meta': {'zone': 'z'}}"))
                .get(0)
                .server()
                .zone())
        .isEqualTo("z");
  }

  @Test
  void one_bad_instance_affects_no_other() throws Exception {
    assertThat(
            read(
                instance("{'ID': 'no-port', 'Address': '10.0.0.2'}"),
                instance("{'ID': 'name', 'Address': 'a.example', 'Port': 7000}"),
                instance("{'ID': '', 'Address': '10.0.0.2', 'Port': 7000}"),
                instance(GOOD, check("a", "passing")),
                "{}",
                "[]",
                "5",
                "null"))
        .hasSize(1)
        .first()
        .satisfies(seen -> assertThat(seen.server().id()).isEqualTo("b-1"));
    assertThat(meters.counter("bolina.bad.input", "kind", "instance").count()).isEqualTo(7);
  }
}
