package io.bolina.controlplane;

import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.Fleet;
import java.util.List;

/** One service at one moment: what is known, what was decided of it, and what is served of that. */
record ServiceView(Fleet fleet, List<Decision> decisions, ServedCollection servers) {

  /** The same decisions on the same servers, known from sources of another age. */
  ServiceView heard(Fleet newFleet) {
    return new ServiceView(newFleet, decisions, servers);
  }

  long count(Decision.Standing standing) {
    long count = 0;
    for (Decision decision : decisions) {
      count += decision.standing() == standing ? 1 : 0;
    }
    return count;
  }

  static Endpoint endpoint(Decision decision) {
    return decision.member().server().endpoint();
  }
}
