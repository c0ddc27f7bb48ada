package io.bolina.registry.consul;

import java.util.Collection;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says so if the watched service is empty because Consul has no service of that name: most often a
 * typing error. It asks once, on a thread of its own, and again only after the service was there;
 * whatever goes wrong in it disturbs nothing.
 */
final class ServiceNameCheck {
  private static final Logger log = LoggerFactory.getLogger(ServiceNameCheck.class);

  /** Consul's servers themselves, which are never meant. */
  private static final String CONSUL = "consul";

  private final String service;
  private final ConsulSettings settings;
  private boolean asked;

  ServiceNameCheck(String service, ConsulSettings settings) {
    this.service = service;
    this.settings = settings;
  }

  /** Consul listed the service; called by one thread. */
  void listed(boolean empty) {
    if (!empty) {
      asked = false;
    } else if (!asked) {
      asked = true;
      Thread thread = new Thread(this::look, "consul-" + service + "-name");
      thread.setDaemon(true);
      thread.start();
    }
  }

  private void look() {
    try {
      ConsulRequests requests = new ConsulRequests(settings);
      try {
        report(requests.map("v1/catalog/services", AgentLists::names));
      } finally {
        requests.close();
      }
    } catch (RuntimeException e) {
      log.atDebug()
          .addKeyValue("service", service)
          .setCause(e)
          .log("cannot list the services in Consul's catalog");
    }
  }

  private void report(Collection<String> all) {
    if (all.contains(service)) {
      return;
    }
    Collection<String> others = new TreeSet<>(all);
    others.remove(CONSUL);
    ServiceNames names = ServiceNames.around(service, others);
    log.atWarn()
        .addKeyValue("service", service)
        .addKeyValue("similar", names.similar().map(Shown::of).orElse("none"))
        .addKeyValue(
            "known", names.known().isEmpty() ? "none" : Shown.of(String.join(",", names.known())))
        .log("service not found in Consul; check its name");
  }
}
