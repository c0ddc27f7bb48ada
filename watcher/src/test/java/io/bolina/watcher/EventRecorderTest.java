package io.bolina.watcher;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.bolina.runtime.Telemetry;
import io.bolina.watcher.planning.History;
import io.bolina.watcher.planning.Plan;
import io.bolina.watcher.planning.PlanStep;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class EventRecorderTest {
  private static final Instant NOW = Instant.parse("2026-11-24T10:00:00Z");

  private final Telemetry telemetry = Telemetry.create();
  private final InMemoryWorkload workload = new InMemoryWorkload();
  private final EventRecorder recorder =
      new EventRecorder(workload, telemetry.meters(), () -> true, () -> {});
  private final Logger logger = (Logger) LoggerFactory.getLogger(EventRecorder.class);
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();

  @BeforeEach
  void listen() {
    logger.setLevel(Level.INFO);
    log.start();
    logger.addAppender(log);
  }

  @AfterEach
  void stop() {
    logger.detachAppender(log);
    logger.setLevel(null);
  }

  @Test
  void a_step_is_one_line_one_event_and_one_count() {
    recorder.done(new PlanStep.SetReplicas(2, 4, "load 1.90"));
    assertThat(lines()).containsExactly("INFO scaled up current=2 desired=4 reason=load 1.90");
    assertThat(workload.events).containsExactly("ScaledUp: scaled up: 2 to 4: load 1.90");
    assertThat(telemetry.meters().counter("bolina.watcher.events", "reason", "ScaledUp").count())
        .isEqualTo(1);
  }

  @Test
  void the_end_of_a_drain_tells_whether_it_was_completed_or_canceled() {
    recorder.done(new PlanStep.CancelDrain("p-1", "p-1", "its pod was removed", true));
    recorder.done(new PlanStep.CancelDrain("p-2", "p-2", "the load needs it again"));
    assertThat(workload.events)
        .containsExactly(
            "DrainCompleted: drain completed: p-1: its pod was removed",
            "DrainCanceled: drain canceled: p-2: the load needs it again");
  }

  @Test
  void a_suspension_is_recorded_when_it_begins_and_when_it_ends() {
    recorder.planned(plan(Optional.of("stale for 31 s"), List.of()));
    recorder.planned(plan(Optional.of("stale for 36 s"), List.of()));
    recorder.planned(plan(Optional.empty(), List.of()));
    assertThat(lines())
        .containsExactly(
            "WARN scaling suspended reason=stale for 31 s",
            "INFO scaling resumed was=stale for 36 s");
    assertThat(workload.events)
        .containsExactly(
            "ScalingSuspended: scaling suspended: stale for 31 s",
            "ScalingResumed: scaling resumed: was suspended: stale for 36 s");
  }

  @Test
  void an_alarm_is_recorded_once_until_it_was_over() {
    Plan.Alarm alarm = new Plan.Alarm("at-max", "deployment/b", "the load needs 6 pods, max is 4");
    recorder.planned(plan(Optional.empty(), List.of(alarm)));
    recorder.planned(plan(Optional.empty(), List.of(alarm)));
    assertThat(lines())
        .containsExactly(
            "WARN alarm raised kind=at-max subject=deployment/b reason=the load needs 6 pods, max is 4");
    recorder.planned(plan(Optional.empty(), List.of()));
    recorder.planned(plan(Optional.empty(), List.of(alarm)));
    assertThat(lines()).hasSize(2);
  }

  @Test
  void a_failure_is_recorded_once_and_a_conflict_is_none() {
    PlanStep step = new PlanStep.EvictPod("p-1", "uid", "replaced");
    WorkloadRequestFailed denied =
        new WorkloadRequestFailed(WorkloadRequestFailed.Kind.FORBIDDEN, "cannot evict", null);
    recorder.failed(step, denied);
    recorder.failed(step, denied);
    recorder.failed(
        step, new WorkloadRequestFailed(WorkloadRequestFailed.Kind.CONFLICT, "conflict", null));
    assertThat(lines())
        .containsExactly(
            "WARN step failed step=evict p-1: replaced error=cannot evict",
            "INFO workload was changed meanwhile; planning again error=conflict");
    assertThat(workload.events)
        .containsExactly("StepFailed: step failed: evict p-1: replaced: cannot evict");
  }

  private List<String> lines() {
    return log.list.stream().map(EventRecorderTest::line).toList();
  }

  private static String line(ILoggingEvent event) {
    return event.getLevel()
        + " "
        + event.getFormattedMessage()
        + event.getKeyValuePairs().stream()
            .map(pair -> " " + pair.key + "=" + pair.value)
            .collect(Collectors.joining());
  }

  private static Plan plan(Optional<String> suspended, List<Plan.Alarm> alarms) {
    return new Plan(
        NOW, suspended, 2, 2, 2, "", List.of(), alarms, List.of(), History.beginning(NOW));
  }
}
