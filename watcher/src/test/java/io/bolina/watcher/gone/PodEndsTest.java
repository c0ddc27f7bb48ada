package io.bolina.watcher.gone;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Protection;
import io.bolina.registry.model.Server;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which servers have ended with their pods, and which are merely not seen. */
class PodEndsTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  private final PodEnds ends = new PodEnds("watcher", new PodHome("here", "games"));
  private final List<Member> members = new ArrayList<>();
  private final List<PodLife> pods = new ArrayList<>();
  private final Set<String> unlistedButThere = new HashSet<>();
  private final List<PodLife> asked = new ArrayList<>();

  private static PodLife pod(int n, String uid) {
    return new PodLife("b-" + n, uid, "10.0.0." + n, "");
  }

  private static Server server(int n, String... metadata) {
    Map<String, String> map = new HashMap<>();
    for (int i = 0; i < metadata.length; i += 2) {
      map.put(metadata[i], metadata[i + 1]);
    }
    return new Server("b-" + n, "bolina", "10.0.0." + n, 7000, "", map);
  }

  private static Member member(Server server) {
    return Member.listed(server, Health.CRITICAL, false, Optional.empty(), "");
  }

  private PodEnds.Findings look() {
    PodEnds.Findings found = lookButNotWrite();
    ends.said(fleet(), found);
    return found;
  }

  private Fleet fleet() {
    return Fleet.unknown("bolina").withMembers(members, Protection.NONE);
  }

  private PodEnds.Findings lookButNotWrite() {
    Fleet fleet = fleet();
    return ends.find(
        fleet,
        pods,
        pod -> {
          asked.add(pod);
          return unlistedButThere.contains(pod.uid());
        },
        NOW);
  }

  private void bothRun() {
    pods.addAll(List.of(pod(1, "u1"), pod(2, "u2")));
    members.addAll(List.of(member(server(1)), member(server(2))));
    assertThat(look().gone()).isEmpty();
  }

  @Test
  void a_pod_that_was_deleted_takes_its_server_with_it() {
    bothRun();
    pods.remove(0);
    assertThat(look().gone())
        .singleElement()
        .satisfies(
            ended -> {
              assertThat(ended.server()).isEqualTo(server(1));
              assertThat(ended.report().toString())
                  .isEqualTo("pod b-1 was deleted (said by watcher)");
            });
    assertThat(look().gone()).as("once").isEmpty();
  }

  @Test
  void a_pod_that_is_not_listed_but_there_means_nothing() {
    bothRun();
    pods.clear();
    unlistedButThere.addAll(List.of("u1", "u2"));
    assertThat(look().gone()).isEmpty();
    unlistedButThere.remove("u2");
    assertThat(look().gone()).extracting(PodEnds.EndedServer::pod).containsExactly("b-2");
  }

  @Test
  void a_pod_that_failed_or_was_evicted_has_ended_though_it_is_listed() {
    bothRun();
    pods.set(1, new PodLife("b-2", "u2", "10.0.0.2", "has failed: Evicted"));
    assertThat(look().gone())
        .singleElement()
        .satisfies(e -> assertThat(e.report().reason()).isEqualTo("pod b-2 has failed: Evicted"));
  }

  @Test
  void the_next_pod_of_the_name_is_another_even_at_the_same_address() {
    bothRun();
    pods.set(0, pod(1, "u9"));
    PodEnds.Findings found = look();
    assertThat(found.gone()).extracting(PodEnds.EndedServer::server).containsExactly(server(1));
    // It registers, as another incarnation: the report is not about it.
    Server next = server(1, Server.INCARNATION, "2");
    members.set(0, member(next));
    assertThat(look().gone()).isEmpty();
  }

  @Test
  void what_could_not_be_written_is_found_again() {
    bothRun();
    pods.remove(0);
    assertThat(lookButNotWrite().gone()).hasSize(1);
    assertThat(lookButNotWrite().gone())
        .extracting(PodEnds.EndedServer::pod)
        .containsExactly("b-1");
    assertThat(look().gone()).hasSize(1);
    assertThat(look().gone()).isEmpty();
  }

  @Test
  void the_report_stays_while_the_next_pod_of_the_name_has_the_address() {
    Server first = server(1, Server.INCARNATION, "1");
    pods.add(pod(1, "u1"));
    members.add(member(first));
    assertThat(look().gone()).isEmpty();
    pods.set(0, pod(1, "u9"));
    assertThat(look().gone()).extracting(PodEnds.EndedServer::server).containsExactly(first);
    assertThat(look().alive()).as("before the report is seen").isEmpty();
    members.set(
        0, member(first).withGone(Optional.of(GoneReport.of(first, "watcher", NOW, "")), false));
    assertThat(look().alive()).isEmpty();
    assertThat(look().alive()).isEmpty();
  }

  @Test
  void a_sandbox_that_is_back_with_another_address_left_the_old_one() {
    bothRun();
    pods.set(0, new PodLife("b-1", "u1", "10.0.0.77", ""));
    assertThat(look().gone())
        .singleElement()
        .satisfies(e -> assertThat(e.server().address()).isEqualTo("10.0.0.1"));
  }

  @Test
  void servers_that_no_pod_was_ever_seen_for_are_left_alone() {
    members.addAll(List.of(member(server(1)), member(server(2, PodEnds.POD_UID, "u2"))));
    assertThat(look().gone()).isEmpty();
  }

  private static Server identified(int n, String cluster, String namespace) {
    return server(
        n,
        PodHome.POD,
        "b-" + n,
        PodEnds.POD_UID,
        "u" + n,
        PodHome.POD_NAMESPACE,
        namespace,
        PodHome.POD_CLUSTER,
        cluster);
  }

  @Test
  void one_that_names_a_pod_that_does_not_exist_has_ended_though_nobody_saw_the_pod() {
    members.addAll(
        List.of(member(identified(1, "here", "games")), member(identified(2, "here", "games"))));
    unlistedButThere.add("u2");
    assertThat(look().gone())
        .singleElement()
        .satisfies(
            ended -> {
              assertThat(ended.server().id()).isEqualTo("b-1");
              assertThat(ended.report().reason()).isEqualTo("pod b-1 does not exist");
            });
    assertThat(asked).extracting(PodLife::uid).containsExactlyInAnyOrder("u1", "u2");
  }

  @Test
  void of_pods_elsewhere_and_of_servers_that_live_nothing_is_asked() {
    members.add(member(identified(1, "elsewhere", "games")));
    members.add(member(identified(2, "here", "others")));
    members.add(member(server(3, PodEnds.POD_UID, "u3", PodHome.POD, "b-3")));
    members.add(
        Member.listed(identified(4, "here", "games"), Health.PASSING, false, Optional.empty(), ""));
    pods.add(pod(5, "u5"));
    members.add(member(identified(5, "here", "games")));
    assertThat(look().gone()).isEmpty();
    assertThat(asked).isEmpty();
  }

  @Test
  void a_cluster_without_a_name_is_nobodys() {
    assertThat(new PodHome("", "games").podOf(identified(1, "", "games"))).isEmpty();
    assertThat(PodHome.UNKNOWN.podOf(identified(1, "", ""))).isEmpty();
    assertThat(new PodHome("here", "games").podOf(identified(1, "here", "games"))).isPresent();
  }

  @Test
  void a_report_of_its_own_about_a_pod_that_runs_is_withdrawn() {
    bothRun();
    members.set(
        0,
        member(server(1))
            .withGone(Optional.of(GoneReport.of(server(1), "watcher", NOW, "")), false));
    assertThat(look().alive()).containsExactly(server(1));
    members.set(
        0,
        member(server(1)).withGone(Optional.of(GoneReport.of(server(1), "ann", NOW, "")), false));
    assertThat(look().alive()).isEmpty();
  }
}
