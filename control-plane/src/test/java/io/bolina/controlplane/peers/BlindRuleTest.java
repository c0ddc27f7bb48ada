package io.bolina.controlplane.peers;

import static io.bolina.controlplane.peers.PeerView.BLIND;
import static io.bolina.controlplane.peers.PeerView.SEES;
import static io.bolina.controlplane.peers.PeerView.UNPROVEN;
import static io.bolina.controlplane.peers.PeerView.UNREACHABLE;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Who serves Envoys while some, or all, replicas do not see the registry. */
class BlindRuleTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final Duration LONG = Duration.ofMinutes(1);

  private final BlindRule rule =
      new BlindRule(Duration.ofSeconds(2), Duration.ofSeconds(5), Duration.ofSeconds(10));

  private Standing blind(Standing last, Instant now, PeerView... peers) {
    return rule.next(last, Optional.of(LONG), List.of(peers), now);
  }

  @Test
  void who_sees_serves() {
    assertThat(rule.next(Standing.SEES, Optional.empty(), List.of(), T0)).isEqualTo(Standing.SEES);
    Standing refusing = blind(Standing.SEES, T0, SEES);
    assertThat(rule.next(refusing, Optional.empty(), List.of(), T0)).isEqualTo(Standing.SEES);
  }

  @Test
  void a_moment_without_an_answer_changes_nothing() {
    assertThat(rule.next(Standing.SEES, Optional.of(Duration.ofSeconds(1)), List.of(), T0))
        .isEqualTo(Standing.SEES);
  }

  @Test
  void envoys_are_given_up_to_one_that_sees_for_as_long_as_it_does() {
    Standing standing = Standing.SEES;
    for (int i = 0; i < 100; i++) {
      standing = blind(standing, T0.plusSeconds(i), BLIND, SEES, UNREACHABLE);
      assertThat(standing.refuses()).isTrue();
    }
    assertThat(blind(standing, T0.plusSeconds(100), BLIND, BLIND).refuses()).isFalse();
  }

  @Test
  void when_nobody_sees_nobody_is_given_up() {
    assertThat(blind(Standing.SEES, T0, BLIND, BLIND).refuses()).isFalse();
  }

  @Test
  void who_cannot_tell_gives_envoys_up_once_in_an_outage() {
    for (PeerView[] peers : List.of(new PeerView[0], new PeerView[] {UNREACHABLE, BLIND})) {
      Standing standing = Standing.SEES;
      int givenUp = 0;
      for (int i = 0; i < 3_600; i++) {
        Standing next = blind(standing, T0.plusSeconds(i), peers);
        givenUp += next.refuses() && !standing.refuses() ? 1 : 0;
        standing = next;
        assertThat(standing.refuses()).isEqualTo(i < 10);
      }
      assertThat(givenUp).isEqualTo(1);
    }
  }

  @Test
  void a_replica_that_does_not_say_clearly_is_waited_for() {
    for (PeerView unclear : List.of(UNREACHABLE, UNPROVEN)) {
      Standing early =
          rule.next(Standing.SEES, Optional.of(Duration.ofSeconds(6)), List.of(BLIND, unclear), T0);
      assertThat(early.refuses()).isFalse();
      assertThat(blind(early, T0, BLIND, BLIND).refuses()).isFalse();
      assertThat(blind(early, T0, BLIND, unclear).refuses()).isTrue();
      // Who has found out that nobody sees does not begin to doubt it again.
      assertThat(blind(blind(early, T0, BLIND, BLIND), T0, BLIND, unclear).refuses()).isFalse();
    }
  }

  /** Three replicas, who see the registry or not and die and come back, and Envoys. */
  private static final class Simulation {
    private static final int REPLICAS = 3;
    private final BlindRule rule;
    private final Random random;
    private final boolean peersKnown;
    private final boolean[] sees = new boolean[REPLICAS];
    private final int[] noticesAfter = new int[REPLICAS];
    private final boolean[] noticed = new boolean[REPLICAS];
    private final boolean[] alive = new boolean[REPLICAS];
    private final Instant[] blindSince = new Instant[REPLICAS];
    private final Standing[] standing = new Standing[REPLICAS];
    private final int[] envoys = new int[6];
    private final int[] closings = new int[envoys.length];
    private boolean slow = true;
    private Instant now = T0;

    private Simulation(BlindRule rule, long seed, boolean peersKnown) {
      this.rule = rule;
      this.random = new Random(seed);
      this.peersKnown = peersKnown;
      Arrays.fill(sees, true);
      Arrays.fill(alive, true);
      Arrays.fill(standing, Standing.SEES);
      for (int e = 0; e < envoys.length; e++) {
        envoys[e] = random.nextInt(REPLICAS);
      }
    }

    /** Half a second: replicas look, in any order; Envoys without a stream try one at random. */
    private void step() {
      now = now.plusMillis(500);
      List<Integer> order = new ArrayList<>(List.of(0, 1, 2));
      Collections.shuffle(order, random);
      for (int r : order) {
        noticesAfter[r] = sees[r] ? 0 : Math.max(0, noticesAfter[r] - 1);
        noticed[r] = !sees[r] && noticesAfter[r] == 0;
        blindSince[r] = !noticed[r] ? null : blindSince[r] == null ? now : blindSince[r];
        Optional<Duration> blindFor =
            Optional.ofNullable(blindSince[r]).map(at -> Duration.between(at, now));
        standing[r] = rule.next(standing[r], blindFor, viewsOf(r), now);
      }
      for (int e = 0; e < envoys.length; e++) {
        int at = envoys[e];
        if (at >= 0 && (!alive[at] || standing[at].refuses())) {
          closings[e]++;
          envoys[e] = -1;
        } else if (at < 0) {
          int next = random.nextInt(REPLICAS);
          envoys[e] = alive[next] && !standing[next].refuses() ? next : -1;
        }
      }
    }

    private List<PeerView> viewsOf(int self) {
      List<PeerView> views = new ArrayList<>();
      for (int r = 0; peersKnown && r < REPLICAS; r++) {
        if (r != self) {
          boolean lost = !alive[r] || (slow && random.nextInt(20) == 0);
          views.add(lost ? UNREACHABLE : noticed[r] ? BLIND : sees[r] ? SEES : UNPROVEN);
        }
      }
      return views;
    }

    private void run(int seconds) {
      for (int i = 0; i < 2 * seconds; i++) {
        step();
      }
    }
  }

  @Property(tries = 300)
  void envoys_end_on_a_replica_that_sees(@ForAll long seed) {
    Simulation world = new Simulation(rule, seed, true);
    for (int change = 0; change < 6; change++) {
      int r = world.random.nextInt(Simulation.REPLICAS);
      if (world.random.nextBoolean()) {
        world.sees[r] = !world.sees[r];
      } else {
        world.alive[r] = !world.alive[r];
      }
      world.run(world.random.nextInt(40));
    }
    int best = world.random.nextInt(Simulation.REPLICAS);
    world.sees[best] = true;
    world.alive[best] = true;
    world.run(40);
    for (int at : world.envoys) {
      assertThat(at).isNotNegative();
      assertThat(world.alive[at] && world.sees[at]).isTrue();
    }
  }

  @Property(tries = 300)
  void an_outage_for_all_that_some_notice_later_ends_no_stream(@ForAll long seed) {
    Simulation world = new Simulation(rule, seed, true);
    world.slow = false;
    world.run(1);
    for (int r = 0; r < Simulation.REPLICAS; r++) {
      world.sees[r] = false;
      world.noticesAfter[r] = world.random.nextInt(10);
    }
    world.run(600);
    assertThat(world.closings).containsOnly(0);
  }

  @Property(tries = 300)
  void an_outage_for_all_makes_nobody_wander(
      @ForAll long seed, @ForAll boolean peersKnown, @ForAll boolean oneIsDead) {
    Simulation world = new Simulation(rule, seed, peersKnown);
    if (oneIsDead) {
      world.alive[0] = false;
      world.run(20);
    }
    Arrays.fill(world.closings, 0);
    Arrays.fill(world.sees, false);
    world.run(600);
    for (int e = 0; e < world.envoys.length; e++) {
      // One that did not answer in time may have seen: each replica gives it up once at most.
      assertThat(world.closings[e]).isLessThanOrEqualTo(Simulation.REPLICAS);
      assertThat(world.envoys[e]).isNotNegative();
    }
    Arrays.fill(world.closings, 0);
    world.run(600);
    assertThat(world.closings).containsOnly(0);
  }
}
