package io.bolina.watcher.kubernetes;

import io.bolina.watcher.WorkloadRequestFailed;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks Kubernetes at start whether every permission that is needed has been granted. */
public final class PermissionCheck {
  private static final Logger log = LoggerFactory.getLogger(PermissionCheck.class);

  private PermissionCheck() {}

  /**
   * Logs which permissions are missing, as rules to add to the Role; nothing if all are there.
   *
   * @param lease the lease of the leader election; empty if there is none
   */
  public static void report(KubernetesApi api, TargetName target, Optional<String> lease) {
    List<Permission> needed = new ArrayList<>(Permission.neededFor(target));
    lease.ifPresent(name -> needed.addAll(Permission.neededForLease(name)));
    try {
      List<Permission> missing = api.missing(needed);
      if (!missing.isEmpty()) {
        log.atError()
            .addKeyValue("namespace", api.namespace())
            .addKeyValue("rules", missing.toString())
            .log("missing Kubernetes permissions; add the rules to the Role");
      }
    } catch (WorkloadRequestFailed e) {
      log.atWarn().addKeyValue("error", e.getMessage()).log("cannot verify Kubernetes permissions");
    }
  }
}
