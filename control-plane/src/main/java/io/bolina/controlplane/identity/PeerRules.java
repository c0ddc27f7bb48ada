package io.bolina.controlplane.identity;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Who is admitted, by the names in its certificate.
 *
 * @param rules none to admit whoever has a certificate from the CA, to everything
 */
public record PeerRules(List<PeerRule> rules, NodeIdRule nodeIds) {
  public PeerRules {
    rules = List.copyOf(rules);
  }

  /**
   * Whom a certificate with these names is of. With names that several rules are for, it sees the
   * services of all of them; and only those names are its own, which a rule is for.
   *
   * @return empty if nobody's who is to connect
   */
  Optional<PeerIdentity> admit(List<San> sans) {
    List<San> own = new ArrayList<>();
    Set<String> services = new HashSet<>();
    boolean all = rules.isEmpty();
    for (San san : sans) {
      List<PeerRule> matching = rules.stream().filter(r -> r.pattern().matches(san)).toList();
      if (rules.isEmpty() || !matching.isEmpty()) {
        own.add(san);
      }
      for (PeerRule rule : matching) {
        all |= rule.services().isEmpty();
        rule.services().ifPresent(services::addAll);
      }
    }
    if (own.isEmpty() && (!rules.isEmpty() || nodeIds == NodeIdRule.NAME)) {
      return Optional.empty();
    }
    Set<String> ids = new HashSet<>();
    own.forEach(san -> ids.addAll(san.nodeIds()));
    return Optional.of(
        new PeerIdentity(
            own.stream().map(San::toString).toList(),
            all ? Optional.empty() : Optional.of(Set.copyOf(services)),
            nodeIds == NodeIdRule.ANY ? Optional.empty() : Optional.of(Set.copyOf(ids))));
  }
}
