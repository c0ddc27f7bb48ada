package io.bolina.controlplane.resources;

import static io.bolina.controlplane.FleetsForTest.fleet;
import static io.bolina.controlplane.FleetsForTest.member;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.base.Splitter;
import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.resources.TokenEndpoints.Entry;
import io.bolina.controlplane.resources.TokenEndpoints.Group;
import io.bolina.registry.ServerToken;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TokenEndpointsTest {
  private static List<Decision> decisions(int servers, Health health) {
    return new Admission(AdmissionSettings.DEFAULTS)
        .decide(
            fleet(
                IntStream.rangeClosed(1, servers)
                    .mapToObj(n -> member(n, health, 0.1))
                    .toArray(Member[]::new)));
  }

  private static Collection<Group> groups(List<Decision> decisions) {
    return TokenEndpoints.of(decisions.stream().map(Entry::of).toList());
  }

  private static Map<String, String> texts(Collection<Group> groups) {
    Map<String, String> texts = new TreeMap<>();
    groups.forEach(group -> texts.put(group.address(), group.text() + group.fingerprint()));
    return texts;
  }

  @Test
  void every_token_is_in_one_of_few_endpoints() {
    List<Decision> decisions = decisions(250, Health.PASSING);
    Map<String, String> read = new TreeMap<>();
    Collection<Group> groups = groups(decisions);
    for (Group group : groups) {
      Splitter.on(' ')
          .withKeyValueSeparator('=')
          .split(group.text())
          .forEach((address, token) -> assertThat(read.put(address, token)).isNull());
    }
    Map<String, String> tokens = new TreeMap<>();
    for (Decision decision : decisions) {
      var server = decision.member().server();
      tokens.put(server.endpoint().toString(), ServerToken.of(server));
    }
    assertThat(read).isEqualTo(tokens);
    assertThat(groups).hasSize(16);
  }

  @Test
  void neither_order_nor_health_changes_them_and_a_new_server_changes_one() {
    List<Decision> decisions = new ArrayList<>(decisions(100, Health.PASSING));
    Map<String, String> before = texts(groups(decisions));
    Collections.shuffle(decisions, new Random(7));
    assertThat(texts(groups(decisions))).isEqualTo(before);
    assertThat(texts(groups(decisions(100, Health.CRITICAL)))).isEqualTo(before);
    Map<String, String> after = texts(groups(decisions(101, Health.PASSING)));
    assertThat(after).isNotEqualTo(before);
    after.entrySet().removeAll(before.entrySet());
    assertThat(after).hasSize(1);
  }
}
