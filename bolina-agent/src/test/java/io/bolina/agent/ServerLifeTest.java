package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.agent.probe.LifeSign;
import io.bolina.agent.probe.LifeSign.Sight;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class ServerLifeTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final LifeSign RUNS = process(Sight.RUNNING, 1);
  private static final LifeSign ENDED = process(Sight.ENDED, 1);
  private static final LifeSign ANSWERS = new LifeSign(Sight.ANSWERING, "", "it answers");
  private static final LifeSign REFUSES = new LifeSign(Sight.REFUSED, "", "it refuses");

  private static LifeSign process(Sight sight, int id) {
    return new LifeSign(sight, Integer.toString(id), "process " + id + " " + sight);
  }

  private static Instant at(double seconds) {
    return T0.plusMillis(Math.round(seconds * 1000));
  }

  /** What several watches see at one time. */
  private static ServerLife looked(ServerLife life, double seconds, LifeSign... signs) {
    return life.looked(
        List.of(signs).stream().map(Optional::of).toList(), Optional.empty(), at(seconds));
  }

  private static final ServerLife UNKNOWN = ServerLife.unknown().mayHaveClients();
  private static final ServerLife ALIVE = looked(UNKNOWN, 0, RUNS);

  @Test
  void a_process_that_is_twice_seen_to_have_ended_is_gone() {
    ServerLife once = looked(ALIVE, 1, ENDED);
    assertThat(once.gone()).as("one look").isEmpty();
    assertThat(once.closedBecause()).as("no new client").contains(ENDED.text());
    assertThat(looked(once, 1.15, ENDED).gone()).isEmpty();
    ServerLife gone = looked(once, 1.2, ENDED);
    assertThat(gone.gone()).contains(new ServerLife.End(ENDED.text(), at(1), false));
  }

  @Test
  void one_that_is_back_in_between_is_not() {
    ServerLife restarted = looked(looked(ALIVE, 1, ENDED), 1.3, process(Sight.RUNNING, 2));
    assertThat(restarted.gone()).isEmpty();
    assertThat(restarted.closedBecause()).isEmpty();
    assertThat(restarted.restarts()).isOne();
    assertThat(restarted.restartedAt()).isEqualTo(at(1.3));
    assertThat(looked(restarted, 9, process(Sight.RUNNING, 2)).restarts()).isOne();
    // Nor one that was never seen to have ended.
    ServerLife quick = looked(ALIVE, 1.3, process(Sight.RUNNING, 2));
    assertThat(quick).returns(1, ServerLife::restarts).returns(at(1.3), ServerLife::restartedAt);
  }

  @Test
  void not_to_know_is_no_end_and_ends_none() {
    ServerLife doubted = looked(ALIVE, 1, ENDED);
    assertThat(looked(doubted, 9, LifeSign.UNKNOWN).gone()).isEmpty();
    ServerLife gone = looked(doubted, 2, ENDED);
    assertThat(looked(gone, 9, LifeSign.UNKNOWN).gone()).isPresent();
    // Time alone confirms nothing: a watch that did not look has seen nothing.
    assertThat(doubted.looked(List.of(Optional.empty()), Optional.empty(), at(9)).gone()).isEmpty();
  }

  @Test
  void a_report_of_its_own_is_worth_more_than_what_was_seen() {
    ServerLife gone = looked(looked(ALIVE, 1, ENDED), 2, ENDED);
    ServerLife back = gone.reported(at(3));
    assertThat(back.gone()).isEmpty();
    assertThat(back.restarts()).as("it may be another process").isOne();
    // The process of the pid file ended: no news. Another one's end is.
    back = looked(looked(back, 4, ENDED), 9, ENDED);
    assertThat(back.gone()).isEmpty();
    assertThat(back.closedBecause()).isEmpty();
    back = looked(back, 10, process(Sight.RUNNING, 2));
    back = looked(looked(back, 11, process(Sight.ENDED, 2)), 12, process(Sight.ENDED, 2));
    assertThat(back.gone()).isPresent();
  }

  @Test
  void a_report_that_was_on_its_way_when_the_server_ended_only_delays_it() {
    ServerLife life = looked(ALIVE, 1, ENDED).reported(at(1.1));
    assertThat(looked(life, 1.25, ENDED).gone()).isEmpty();
    assertThat(looked(life, 1.5, ENDED).gone()).isPresent();
  }

  @Test
  void a_server_that_answers_lives_whatever_the_pid_file_says() {
    ServerLife life = looked(UNKNOWN, 0, RUNS, ANSWERS);
    for (double t = 1; t < 10; t += 0.25) {
      life = looked(life, t, ENDED, ANSWERS);
      assertThat(life.gone()).isEmpty();
    }
    assertThat(life.closedBecause()).isEmpty();
    // That end is no news any more; that the port refuses is.
    life = looked(life, 11, ENDED, REFUSES);
    assertThat(looked(life, 11.5, ENDED, REFUSES).gone()).isPresent();
  }

  @Test
  void a_port_that_refuses_twice_is_gone_and_later_if_a_process_runs() {
    ServerLife alone = looked(UNKNOWN, 0, ANSWERS);
    assertThat(looked(looked(alone, 1, REFUSES), 1.5, REFUSES).gone()).isPresent();
    ServerLife starting = looked(UNKNOWN, 0, RUNS, ANSWERS);
    starting = looked(starting, 1, RUNS, REFUSES);
    assertThat(starting.closedBecause()).contains(REFUSES.text());
    assertThat(looked(starting, 2, RUNS, REFUSES).gone()).isEmpty();
    assertThat(looked(starting, 2.5, RUNS, REFUSES).gone()).isPresent();
    assertThat(looked(looked(starting, 2, RUNS, LifeSign.UNKNOWN), 9, RUNS, REFUSES).gone())
        .as("it did not refuse all the time")
        .isEmpty();
  }

  @Test
  void what_was_never_seen_alive_has_three_seconds_and_is_gone_only_if_there_may_be_clients() {
    ServerLife dead = looked(ServerLife.unknown(), 0, ENDED);
    assertThat(dead.closedBecause()).as("perhaps the wrong file").isEmpty();
    assertThat(looked(dead, 2.9, ENDED).isOver()).isFalse();
    ServerLife over = looked(dead, 3, ENDED);
    assertThat(over.isOver()).isTrue();
    assertThat(over.gone()).as("a pod that has not started yet").isEmpty();
    assertThat(looked(dead.mayHaveClients(), 3, ENDED).gone()).as("registered before").isPresent();
    // Later, too: the registry may answer late.
    assertThat(over.mayHaveClients().gone()).isPresent();
    assertThat(looked(ServerLife.unknown(), 0, REFUSES).closedBecause())
        .as("nothing listens, whoever should")
        .contains(REFUSES.text());
    // A server that reports meanwhile shows that the watch looks at the wrong place.
    ServerLife reports = looked(dead.mayHaveClients().reported(at(1)), 9, ENDED);
    assertThat(looked(reports, 20, ENDED).gone()).isEmpty();
  }

  @Test
  void a_goodbye_holds_until_there_is_another_process_or_a_report() {
    ServerLife said = ALIVE.saidGoodbye("bye", at(1));
    assertThat(said.gone()).contains(new ServerLife.End("bye", at(1), true));
    ServerLife running = said;
    for (double t = 2; t < 60; t++) {
      running = looked(running, t, RUNS);
      assertThat(running.gone()).as("the same process after %s s", t).isPresent();
    }
    assertThat(running.reported(at(61)).gone()).isEmpty();
    ServerLife next = looked(looked(said, 2, ENDED), 3, process(Sight.RUNNING, 2));
    assertThat(looked(next, 4, process(Sight.RUNNING, 2)).gone()).isEmpty();
    ServerLife atOnce = looked(said, 2, process(Sight.RUNNING, 2));
    assertThat(looked(atOnce, 3, process(Sight.RUNNING, 2)).gone()).isEmpty();
    // Where only answers are seen, one that goes on answering is another one.
    ServerLife answering = looked(UNKNOWN, 0, ANSWERS).saidGoodbye("bye", at(1));
    assertThat(looked(answering, 9, ANSWERS).gone()).isPresent();
    answering = looked(answering, 11, ANSWERS);
    assertThat(looked(answering, 12, ANSWERS).gone()).isEmpty();
  }

  @Test
  void one_that_is_back_is_taken_in_again_when_it_has_stayed_for_a_second() {
    ServerLife gone = looked(looked(ALIVE, 1, ENDED), 2, ENDED);
    ServerLife back = looked(gone, 3, process(Sight.RUNNING, 2));
    assertThat(back.gone()).isPresent();
    ServerLife crashed =
        looked(looked(back, 3.5, process(Sight.ENDED, 2)), 4, process(Sight.RUNNING, 3));
    assertThat(looked(crashed, 4.5, process(Sight.RUNNING, 3)).gone()).isPresent();
    ServerLife stays = looked(back, 4, process(Sight.RUNNING, 2));
    assertThat(stays.gone()).isEmpty();
    assertThat(stays.restartedAt()).as("nothing is known of its health yet").isEqualTo(at(4));
    assertThat(stays.restarts()).isGreaterThan(gone.restarts());
  }

  @Test
  void one_that_runs_again_and_still_refuses_is_not_back() {
    ServerLife life = looked(UNKNOWN, 0, RUNS, ANSWERS);
    life = looked(looked(life, 1, ENDED, REFUSES), 2, ENDED, REFUSES);
    life =
        looked(
            looked(life, 3, process(Sight.RUNNING, 2), REFUSES),
            9,
            process(Sight.RUNNING, 2),
            REFUSES);
    assertThat(life.gone()).isPresent();
    life =
        looked(
            looked(life, 10, process(Sight.RUNNING, 2), ANSWERS),
            11,
            process(Sight.RUNNING, 2),
            ANSWERS);
    assertThat(life.gone()).isEmpty();
  }

  @Test
  void a_port_that_nobody_has_must_have_cost_a_report() {
    LifeSign bound = new LifeSign(Sight.BOUND, "", "bound");
    LifeSign unbound = new LifeSign(Sight.UNBOUND, "", "unbound");
    ServerLife life = looked(UNKNOWN, 0, bound);
    ServerLife silent = looked(life, 1, unbound);
    assertThat(silent.closedBecause()).contains("unbound");
    assertThat(looked(silent, 1.9, unbound).gone()).isEmpty();
    assertThat(looked(silent, 2, unbound).gone()).isPresent();
    for (int every = 1; every <= 3; every++) {
      Optional<Duration> pace = Optional.of(Duration.ofSeconds(every));
      List<Optional<LifeSign>> signs = List.of(Optional.of(unbound));
      assertThat(silent.looked(signs, pace, at(0.9 + 1.25 * every)).gone()).isEmpty();
      assertThat(silent.looked(signs, pace, at(1 + 1.25 * every)).gone()).isPresent();
    }
    // Somebody else had it, who passed on what came.
    ServerLife reports = looked(silent.reported(at(2)), 9, unbound);
    assertThat(reports.gone()).isEmpty();
    assertThat(reports.closedBecause()).isEmpty();
  }

  enum Event {
    RUNS,
    ENDED,
    UNKNOWN,
    REPORT,
    NEXT_RUNS
  }

  @Provide
  Arbitrary<List<Event>> events() {
    return Arbitraries.of(Event.class).list().ofMaxSize(40);
  }

  /**
   * Whatever is seen in whatever order: nobody is given up without two signs of an end in a row.
   */
  @Property
  void only_a_lasting_end_is_an_end(@ForAll("events") List<Event> events) {
    ServerLife life = UNKNOWN;
    Duration ended = Duration.ZERO;
    double now = 0;
    for (Event event : events) {
      now += 0.15;
      boolean before = life.isOver();
      life =
          switch (event) {
            case RUNS -> looked(life, now, RUNS);
            case ENDED -> looked(life, now, ENDED);
            case UNKNOWN -> looked(life, now, LifeSign.UNKNOWN);
            case REPORT -> life.reported(at(now));
            case NEXT_RUNS -> looked(life, now, process(Sight.RUNNING, 2));
          };
      ended = event == Event.ENDED ? ended.plusMillis(150) : Duration.ZERO;
      if (!before && life.isOver()) {
        assertThat(ended).isGreaterThan(ServerLife.ENDED_FOR);
      }
      if (event == Event.REPORT) {
        assertThat(life.isOver()).isFalse();
      }
      assertThat(life.gone().isPresent()).isEqualTo(life.isOver());
    }
  }
}
