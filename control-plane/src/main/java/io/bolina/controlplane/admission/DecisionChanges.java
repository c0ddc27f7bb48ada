package io.bolina.controlplane.admission;

import io.bolina.registry.model.Endpoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What two lists of decisions, in a fleet's order, do not have in common. Of a large fleet most
 * decisions are the same objects in both, which is found out without comparing them.
 *
 * @param all the servers that came, went or changed, by where they are
 */
public record DecisionChanges(List<DecisionChange> all) {
  /**
   * What was and is decided about one endpoint. One of both is there.
   *
   * @param before empty if the server came
   * @param after empty if it went
   */
  public record DecisionChange(Optional<Decision> before, Optional<Decision> after) {}

  public static DecisionChanges between(List<Decision> before, List<Decision> after) {
    List<Decision> news = new ArrayList<>();
    Map<Endpoint, Decision> olds = new HashMap<>();
    int i = 0;
    for (Decision now : after) {
      while (i < before.size() && isBefore(before.get(i), now)) {
        olds.put(endpoint(before.get(i)), before.get(i));
        i++;
      }
      if (i < before.size() && same(before.get(i), now)) {
        i++;
      } else {
        news.add(now);
      }
    }
    for (; i < before.size(); i++) {
      olds.put(endpoint(before.get(i)), before.get(i));
    }
    List<DecisionChange> changes = new ArrayList<>(news.size());
    for (Decision now : news) {
      Decision old = olds.remove(endpoint(now));
      if (!now.equals(old)) {
        changes.add(new DecisionChange(Optional.ofNullable(old), Optional.of(now)));
      }
    }
    olds.values().stream()
        .sorted((a, b) -> a.member().server().compareTo(b.member().server()))
        .forEach(gone -> changes.add(new DecisionChange(Optional.of(gone), Optional.empty())));
    return new DecisionChanges(changes);
  }

  /** Whether a server that was open is not any more. */
  public boolean closesOne() {
    return all.stream()
        .anyMatch(
            change ->
                change.before().filter(Decision::open).isPresent()
                    && change.after().filter(Decision::open).isEmpty());
  }

  private static boolean isBefore(Decision one, Decision other) {
    return !same(one, other) && one.member().server().compareTo(other.member().server()) <= 0;
  }

  /** Whether both are one object, which is the quickest way to be equal. */
  static boolean same(Object one, Object other) {
    return one == other;
  }

  private static Endpoint endpoint(Decision decision) {
    return decision.member().server().endpoint();
  }
}
