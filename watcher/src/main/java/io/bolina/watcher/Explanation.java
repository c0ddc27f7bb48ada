package io.bolina.watcher;

import io.bolina.runtime.Printable;
import io.bolina.watcher.planning.Plan;
import io.bolina.watcher.planning.PlanStep;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/** A plan for people: what {@code ./bolina watcher explain} shows. */
final class Explanation {
  /** What begins a reason why nothing is changed. */
  static final String SUSPENDED = "SUSPENDED: ";

  private Explanation() {}

  static String of(Plan plan, String target, String service, String who, Instant now) {
    StringBuilder text = new StringBuilder();
    text.append(target).append(", service ").append(service).append('\n');
    text.append(who).append('\n');
    text.append("planned ")
        .append(Duration.between(plan.at(), now).toSeconds())
        .append(" s ago\n\n");
    plan.suspended().ifPresent(why -> text.append(SUSPENDED).append(why).append("\n\n"));
    text.append("current   ").append(plan.current());
    if (plan.staying() != plan.current()) {
      text.append(", ").append(plan.current() - plan.staying()).append(" of them being removed");
    }
    text.append("\ndesired   ").append(plan.desired()).append('\n');
    text.append("reason    ").append(Printable.text(plan.reason())).append("\n\n");
    rows(text, plan.rows());
    if (!plan.steps().isEmpty()) {
      text.append("\nnext steps\n");
      plan.steps().forEach(step -> text.append("  ").append(Printable.text(of(step))).append('\n'));
    }
    if (!plan.alarms().isEmpty()) {
      text.append("\nalarms\n");
      plan.alarms()
          .forEach(alarm -> text.append("  ").append(Printable.text(alarm.message())).append('\n'));
    }
    return text.toString();
  }

  private static void rows(StringBuilder text, List<Plan.PodRow> rows) {
    int width = rows.stream().mapToInt(r -> r.name().length()).max().orElse(0);
    String format = "%-" + Math.max(width, 4) + "s  %-13s %-6s %-9s %5s %9s  %s%n";
    text.append(
        String.format(
            Locale.ROOT, format, "pod", "state", "ready", "health", "load", "sessions", ""));
    for (Plan.PodRow row : rows) {
      String line =
          String.format(
              Locale.ROOT,
              format,
              row.name(),
              lower(row.state()),
              !row.pod() ? "-" : row.ready() ? "yes" : "NO",
              row.health().map(Explanation::lower).orElse("-"),
              row.load().map(l -> String.format(Locale.ROOT, "%.2f", l)).orElse("-"),
              row.sessions().isPresent() ? Long.toString(row.sessions().getAsLong()) : "-",
              (row.pod() ? "" : "not a pod of this target. ") + row.note());
      text.append(Printable.text(line.stripTrailing())).append('\n');
    }
  }

  /** A step in words. */
  static String of(PlanStep step) {
    if (step instanceof PlanStep.DrainServer drain) {
      return "drain " + drain.pod() + ": " + drain.reason();
    }
    if (step instanceof PlanStep.CancelDrain cancel) {
      return "cancel drain of " + cancel.pod() + ": " + cancel.reason();
    }
    if (step instanceof PlanStep.MarkPod cost) {
      return (cost.cost().isPresent()
              ? "set deletion cost " + cost.cost().getAsInt() + " on "
              : "remove deletion cost of ")
          + cost.pod()
          + (cost.annotations().isEmpty()
              ? ""
              : " and change " + String.join(", ", new TreeSet<>(cost.annotations().keySet())))
          + ": "
          + cost.reason();
    }
    if (step instanceof PlanStep.SetReplicas scale) {
      return "scale from " + scale.from() + " to " + scale.to() + ": " + scale.reason();
    }
    if (step instanceof PlanStep.EvictPod evict) {
      return "evict " + evict.pod() + ": " + evict.reason();
    }
    throw new IllegalArgumentException("an unknown step: " + step);
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
