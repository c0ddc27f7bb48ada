package io.bolina.sandbox.chaos;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Which faults come when, to whom and for how long, from a seed alone. */
final class FaultPlan {

  /**
   * A fault to be made.
   *
   * @param atMillis from the start
   * @param subject a number that decides who is befallen among those that may be
   */
  record Planned(FaultKind kind, long atMillis, int subject, long lengthMillis) {}

  private FaultPlan() {}

  /** Every kind comes as often as any other: they are dealt like cards. */
  static List<Planned> of(ChaosSettings settings) {
    Random random = new Random(settings.seed());
    List<Planned> planned = new ArrayList<>();
    List<FaultKind> deck = new ArrayList<>();
    double mean = settings.betweenFaults().toMillis();
    double at = 1_000;
    while (at < settings.length().toMillis()) {
      if (deck.isEmpty()) {
        deck.addAll(settings.kinds().stream().sorted().toList());
        Collections.shuffle(deck, random);
      }
      FaultKind kind = deck.remove(deck.size() - 1);
      double seconds = kind.shortest() + random.nextDouble() * (kind.longest() - kind.shortest());
      planned.add(
          new Planned(
              kind,
              (long) at,
              random.nextInt(1 << 20),
              (long) (seconds * 1_000 * settings.faultLength())));
      at += mean * (0.3 + 1.4 * random.nextDouble());
    }
    return planned;
  }
}
