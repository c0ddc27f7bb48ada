package io.bolina.controlplane.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.controlplane.resources.GateResources;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.Network;
import io.bolina.registry.model.Source;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GateFeedTest {
  private final List<Map<String, Object>> out = new ArrayList<>();
  private final GateFeed feed = new GateFeed(Duration.ofMinutes(10), false, out::add);

  private static GateOrders orders(boolean shieldsUp, String... denied) {
    return new GateOrders(
        "bolina",
        shieldsUp,
        List.of(denied).stream().map(Network::parse).toList(),
        Source.NEVER_UPDATED);
  }

  @Test
  void rules_wait_for_the_first_orders() {
    feed.rules(GateRules.NONE);
    assertThat(out).isEmpty();
    feed.orders(GateOrders.none("bolina"));
    assertThat(out).hasSize(1);
    assertThat(out.get(0)).containsEntry("known-for", 1200L).containsEntry("shields", false);
  }

  @Test
  void only_what_changes_something_goes_out() {
    feed.orders(orders(true, "10.0.0.0/8", "9.0.0.0/8"));
    feed.orders(orders(true, "9.0.0.0/8", "10.0.0.0/8").with(Source.NEVER_UPDATED.failing("x")));
    assertThat(out).hasSize(1);
    assertThat(out.get(0))
        .containsEntry("shields", true)
        .containsEntry("ordered", List.of("10.0.0.0/8", "9.0.0.0/8"));
    feed.orders(orders(false));
    assertThat(out).hasSize(2);
  }

  @Test
  void the_module_is_told_where_each_datagram_is_routed() {
    feed.orders(orders(false));
    new GateFeed(Duration.ofMinutes(10), true, out::add).orders(orders(false));
    assertThat(out.get(0)).doesNotContainKey("route-each-datagram");
    assertThat(out.get(1)).containsEntry("route-each-datagram", true);
  }

  @Test
  void the_same_rules_are_the_same_bytes() {
    GateRules rules =
        GateRulesReader.read(
                "bolina: {mode: shadow, size: {max: 9}, patterns: [{name: m, text: ab}],"
                    + " lengths: [{name: l, width: 2}], sessions: 5/s, allow: ['::/0', 1.1.1.1]}",
                Set.of("bolina"))
            .rules()
            .get("bolina");
    GateFeed other = new GateFeed(Duration.ofMinutes(10), false, out::add);
    feed.rules(rules);
    feed.orders(orders(true, "10.0.0.0/8", "9.0.0.0/8"));
    other.orders(orders(true, "9.0.0.0/8", "10.0.0.0/8"));
    other.rules(rules);
    assertThat(out).hasSize(3);
    assertThat(GateResources.cluster("bolina", out.get(2)).toByteString())
        .isEqualTo(GateResources.cluster("bolina", out.get(0)).toByteString());
  }
}
