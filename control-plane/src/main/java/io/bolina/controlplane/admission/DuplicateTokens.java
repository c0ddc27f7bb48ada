package io.bolina.controlplane.admission;

import io.bolina.registry.ServerToken;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** Servers that cannot be told apart by their tokens: none of them is reached by it. */
public final class DuplicateTokens {
  private DuplicateTokens() {}

  /**
   * The ids of the servers that share a token, by token.
   *
   * @param lengths how many bytes of tokens are read
   */
  public static Map<String, List<String>> of(
      List<Decision> decisions, Collection<Integer> lengths) {
    Map<String, List<String>> duplicates = new TreeMap<>();
    if (lengths.isEmpty()) {
      return duplicates;
    }
    List<Map.Entry<String, String>> tokens = new ArrayList<>(decisions.size());
    for (Decision decision : decisions) {
      if (decision.served()) {
        var server = decision.member().server();
        tokens.add(Map.entry(ServerToken.of(server), server.id()));
      }
    }
    for (int length : new TreeSet<>(lengths)) {
      Map<String, List<String>> ofLength = new TreeMap<>();
      for (Map.Entry<String, String> token : tokens) {
        if (token.getKey().length() >= 2 * length) {
          ofLength
              .computeIfAbsent(token.getKey().substring(0, 2 * length), t -> new ArrayList<>(1))
              .add(token.getValue());
        }
      }
      ofLength.values().removeIf(ids -> ids.size() < 2);
      duplicates.putAll(ofLength);
    }
    return duplicates;
  }
}
