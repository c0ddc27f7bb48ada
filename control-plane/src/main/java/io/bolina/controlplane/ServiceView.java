package io.bolina.controlplane;

import io.bolina.controlplane.admission.AdmissionStatus;
import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.registry.model.Fleet;
import java.util.List;

/**
 * One service at one moment: what is known, what was decided of it, and what is served of that.
 *
 * @param servers as Envoys get them that choose themselves
 * @param serversForModule as Envoys get them whose module chooses
 */
record ServiceView(
    Fleet fleet,
    List<Decision> decisions,
    ServedCollection servers,
    ServedCollection serversForModule) {

  /** The same decisions on the same servers, known from sources of another age. */
  ServiceView with(Fleet newFleet) {
    return new ServiceView(newFleet, decisions, servers, serversForModule);
  }

  long count(AdmissionStatus status) {
    long count = 0;
    for (Decision decision : decisions) {
      count += decision.status() == status ? 1 : 0;
    }
    return count;
  }
}
