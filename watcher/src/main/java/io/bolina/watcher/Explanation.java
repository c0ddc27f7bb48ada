package io.bolina.watcher;

import io.bolina.watcher.reckoning.Plan;
import io.bolina.watcher.reckoning.Step;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;

/** A plan for people: what {@code ./bolina watcher explain} shows. */
final class Explanation {
  private Explanation() {}

  static String of(Plan plan, String target, String service, String who, Instant now) {
    StringBuilder text = new StringBuilder();
    text.append(target).append(", service ").append(service).append('\n');
    text.append(who).append('\n');
    text.append("reckoned ")
        .append(Duration.between(plan.at(), now).toSeconds())
        .append(" s ago\n\n");
    plan.frozen().ifPresent(why -> text.append("FROZEN: ").append(why).append("\n\n"));
    text.append(
        String.format(
            Locale.ROOT,
            "pods      %d%s%n",
            plan.replicas(),
            plan.staying() == plan.replicas()
                ? ""
                : ", of which " + (plan.replicas() - plan.staying()) + " on their way out"));
    text.append("wanted    ").append(plan.wanted()).append('\n');
    text.append("because   ").append(plan.reason()).append("\n\n");
    rows(text, plan.rows());
    if (!plan.steps().isEmpty()) {
      text.append("\nto be done\n");
      plan.steps().forEach(step -> text.append("  ").append(of(step)).append('\n'));
    }
    if (!plan.alarms().isEmpty()) {
      text.append("\nlook at\n");
      plan.alarms().forEach(alarm -> text.append("  ").append(alarm.message()).append('\n'));
    }
    return text.toString();
  }

  private static void rows(StringBuilder text, List<Plan.Row> rows) {
    int width = rows.stream().mapToInt(r -> r.name().length()).max().orElse(0);
    String format = "%-" + Math.max(width, 4) + "s  %-13s %-6s %-9s %5s %9s  %s%n";
    text.append(
        String.format(
            Locale.ROOT, format, "pod", "standing", "ready", "health", "load", "sessions", ""));
    for (Plan.Row row : rows) {
      String line =
          String.format(
              Locale.ROOT,
              format,
              row.name(),
              lower(row.standing()),
              !row.pod() ? "-" : row.ready() ? "yes" : "NO",
              row.health().map(Explanation::lower).orElse("-"),
              row.load().map(l -> String.format(Locale.ROOT, "%.2f", l)).orElse("-"),
              row.sessions().isPresent() ? Long.toString(row.sessions().getAsLong()) : "-",
              (row.pod() ? "" : "no pod of this target. ") + row.why());
      text.append(line.stripTrailing()).append('\n');
    }
  }

  /** A step in words. */
  static String of(Step step) {
    if (step instanceof Step.Drain drain) {
      return "drain " + drain.pod() + ": " + drain.reason();
    }
    if (step instanceof Step.CallOff callOff) {
      return "call off the drain of " + callOff.pod() + ": " + callOff.reason();
    }
    if (step instanceof Step.SetDeletionCost cost) {
      return (cost.cost().isPresent() ? "mark " : "unmark ") + cost.pod() + ": " + cost.reason();
    }
    if (step instanceof Step.Scale scale) {
      return "scale from " + scale.from() + " to " + scale.to() + ": " + scale.reason();
    }
    if (step instanceof Step.Evict evict) {
      return "evict " + evict.pod() + ": " + evict.reason();
    }
    throw new IllegalArgumentException("an unknown step: " + step);
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
