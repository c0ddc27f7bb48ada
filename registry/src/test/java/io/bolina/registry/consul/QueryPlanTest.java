package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;

import com.orbitz.consul.option.ConsistencyMode;
import io.bolina.registry.consul.QueryPlan.Use;
import java.math.BigInteger;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** What a watch asks next, in every order of answers and faults. */
class QueryPlanTest {

  /** What happens to Consul. */
  enum Event {
    CHANGE,
    /** Servers leave: fewer entries than before. */
    SHRINK,
    /** It fails, and comes back with all its data. */
    FAULT,
    /** It comes back without its data, and gets some anew. */
    WIPED,
    LEADER_LOST,
    LEADER_ELECTED,
    /** Elected, it answers stale questions before it has replayed its log. */
    REPLAYING,
    REPLAYED,
    /** The agent's stream of changes is connected again. */
    STREAM_BACK,
    NOTHING
  }

  /** A Consul, as it answers. */
  private static final class World {
    private long index = 10;
    private int entries = 5;
    private boolean leader = true;
    private boolean replaying;
    private boolean broken;

    /** What the agent's streaming backend has: it lags behind until its stream is back. */
    private long viewIndex = index;

    private int viewEntries = entries;
    private boolean streams = true;

    private void happen(Event event) {
      change(event);
      streams &= !broken;
      if (streams) {
        viewIndex = index;
        viewEntries = entries;
      }
    }

    private void change(Event event) {
      switch (event) {
        case CHANGE -> {
          if (leader) {
            index++;
            entries++;
          }
        }
        case SHRINK -> {
          if (leader && entries > 1) {
            index++;
            entries--;
          }
        }
        case FAULT -> broken = true;
        case WIPED -> {
          broken = true;
          index = 3;
          entries = 1;
        }
        case LEADER_LOST -> {
          leader = false;
          broken = true;
        }
        case LEADER_ELECTED -> leader = true;
        case REPLAYING -> {
          broken = true;
          replaying = true;
        }
        case REPLAYED -> replaying = false;
        case STREAM_BACK -> streams = true;
        case NOTHING -> {}
      }
    }
  }

  /** The watch of such a Consul. */
  private static final class Watch {
    private QueryPlan plan = QueryPlan.FIRST;
    private long followed = -1;
    private int entries = -1;

    /** One question and its answer, if it is not held. */
    private void ask(World world) {
      if (world.broken) {
        world.broken = false; // the connection is lost once
        plan = plan.afterFault();
        return;
      }
      boolean stale = plan.mode() == ConsistencyMode.STALE;
      if (world.replaying) {
        if (stale || plan.mode() == ConsistencyMode.DEFAULT) {
          answered(2, 0, false);
        } else {
          plan = plan.afterFault();
        }
        return;
      }
      if (!world.leader && !plan.leaderless()) {
        plan = plan.withoutLeader();
        return;
      }
      if (world.streams) {
        plan = plan.streaming();
      }
      boolean streamed = !plan.isAnew() && !plan.plain();
      long index = streamed ? world.viewIndex : world.index;
      boolean held = !plan.isAnew() && index <= plan.index().longValueExact();
      if (!held) {
        answered(index, streamed ? world.viewEntries : world.entries, streamed);
      }
    }

    private void answered(long index, int count, boolean streamed) {
      BigInteger received = BigInteger.valueOf(index);
      switch (plan.use(received, count, streamed)) {
        case ASK_OTHERWISE -> plan = plan.otherwise(received);
        case TOO_OLD -> plan = plan.afterFault();
        case CONFIRM -> plan = plan.after(received, count);
        case FOLLOW -> {
          followed = index;
          entries = count;
          plan = plan.after(received, count);
        }
      }
    }
  }

  @Property
  void after_any_order_of_faults_the_truth_is_known_soon(
      @ForAll @Size(max = 30) List<Event> events, @ForAll @Size(30) List<Boolean> asked) {
    World world = new World();
    Watch watch = new Watch();
    for (int i = 0; i < events.size(); i++) {
      world.happen(events.get(i));
      if (asked.get(i)) {
        watch.ask(world);
      }
    }
    world.happen(Event.LEADER_ELECTED);
    world.happen(Event.REPLAYED);
    // Whether or not the agent's stream is back.
    for (int i = 0; i < 6; i++) {
      watch.ask(world);
    }
    assertThat(watch.followed).isEqualTo(world.index);
    assertThat(watch.entries).isEqualTo(world.entries);
  }

  @Property
  void what_a_server_says_that_has_not_replayed_its_log_is_never_followed(
      @ForAll @Size(max = 30) List<Event> events) {
    World world = new World();
    Watch watch = new Watch();
    for (Event event : events) {
      world.happen(event);
      watch.ask(world);
      watch.ask(world);
      assertThat(watch.entries).isNotZero();
    }
  }

  @Test
  void a_streamed_answer_with_fewer_entries_is_asked_for_once_more() {
    QueryPlan plan = QueryPlan.FIRST.after(BigInteger.TEN, 5);
    assertThat(plan.use(BigInteger.valueOf(11), 4, true)).isEqualTo(Use.ASK_OTHERWISE);
    assertThat(plan.otherwise(BigInteger.valueOf(11)).isAnew()).isTrue();
    assertThat(plan.use(BigInteger.valueOf(11), 4, false)).isEqualTo(Use.FOLLOW);
  }

  @Test
  void an_index_of_0_counts_as_1_and_a_wait_that_is_over_confirms() {
    assertThat(QueryPlan.FIRST.after(BigInteger.ZERO, 0).index()).isEqualTo(BigInteger.ONE);
    QueryPlan plan = QueryPlan.FIRST.after(BigInteger.TEN, 5);
    assertThat(plan.use(BigInteger.TEN, 5, false)).isEqualTo(Use.CONFIRM);
    assertThat(plan.afterFault().use(BigInteger.TEN, 5, false)).isEqualTo(Use.FOLLOW);
  }

  @Test
  void without_a_leader_nothing_older_than_what_is_known_is_followed() {
    QueryPlan plan = QueryPlan.FIRST.after(BigInteger.TEN, 5).withoutLeader();
    assertThat(plan.use(BigInteger.valueOf(9), 5, false)).isEqualTo(Use.TOO_OLD);
    assertThat(plan.use(BigInteger.TEN, 5, false)).isEqualTo(Use.FOLLOW);
    QueryPlan next = plan.after(BigInteger.TEN, 5);
    assertThat(next.mode()).isEqualTo(ConsistencyMode.CONSISTENT);
    assertThat(next.isAnew()).isTrue();
  }
}
