package io.bolina.controlplane;

import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.registry.Endpoint;
import io.bolina.registry.Fleet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One service at one moment: what is known, what was decided of it, and the resource made of that.
 */
record ServiceView(Fleet fleet, List<Decision> decisions, ServedResource loadAssignment) {

  /** The same decisions on the same servers, known from sources of another age. */
  ServiceView heard(Fleet newFleet) {
    return new ServiceView(newFleet, decisions, loadAssignment);
  }

  /** Whether a server that is open in the other view is not open in this one. */
  boolean closesOneOf(ServiceView before) {
    Set<Endpoint> openNow = new HashSet<>();
    decisions.stream().filter(Decision::open).forEach(d -> openNow.add(endpoint(d)));
    return before.decisions.stream()
        .filter(Decision::open)
        .anyMatch(d -> !openNow.contains(endpoint(d)));
  }

  long count(Decision.Standing standing) {
    return decisions.stream().filter(d -> d.standing() == standing).count();
  }

  static Endpoint endpoint(Decision decision) {
    return decision.member().server().endpoint();
  }
}
