package io.bolina.runtime.setting;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Which known word somebody may have meant. */
public final class Suggestion {
  private static final int FARTHEST = 3;

  private Suggestion() {}

  /** The nearest of the known words, unless none is near. */
  public static Optional<String> nearest(String given, Collection<String> known) {
    return known.stream()
        .filter(word -> distance(word, given) <= FARTHEST)
        .min(Comparator.comparingInt((String word) -> distance(word, given)).thenComparing(w -> w));
  }

  /** How many letters must be added, left out or replaced to make one word of the other. */
  public static int distance(String a, String b) {
    int[] last = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      last[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = last[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(last[j], row[j - 1]) + 1);
      }
      last = row;
    }
    return last[b.length()];
  }
}
