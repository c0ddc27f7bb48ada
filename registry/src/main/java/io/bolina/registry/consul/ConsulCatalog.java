package io.bolina.registry.consul;

import com.orbitz.consul.Consul;
import com.orbitz.consul.model.catalog.CatalogService;
import com.orbitz.consul.model.catalog.ImmutableCatalogDeregistration;
import io.bolina.registry.Catalog;
import io.bolina.registry.model.Endpoint;
import java.util.List;

/**
 * Removes registrations from Consul: at the agent it is connected to, if they were made there, else
 * from the catalog. An agent elsewhere that still has a registration makes it again (its
 * anti-entropy, about once a minute); that can be ended at that agent alone.
 */
public final class ConsulCatalog implements Catalog {
  private final ConsulRequests requests;

  public ConsulCatalog(ConsulSettings settings) {
    this.requests = new ConsulRequests(settings);
  }

  @Override
  public boolean remove(String service, String serverId, Endpoint at) {
    return requests.make(
        "remove the entry of '" + serverId + "'",
        "service:write on '" + service + "' and node:read",
        () -> {
          Consul consul = requests.consul();
          var here = consul.agentClient().getServices().get(serverId);
          if (here != null
              && here.getAddress().equals(at.address())
              && here.getPort() == at.port()) {
            consul.agentClient().deregister(serverId);
            return true;
          }
          List<CatalogService> entries =
              consul.catalogClient().getService(service).getResponse().stream()
                  .filter(e -> e.getServiceId().equals(serverId))
                  .filter(e -> at.equals(new Endpoint(addressOf(e), e.getServicePort())))
                  .toList();
          for (CatalogService entry : entries) {
            consul
                .catalogClient()
                .deregister(
                    ImmutableCatalogDeregistration.builder()
                        .node(entry.getNode())
                        .serviceId(serverId)
                        .build());
          }
          return !entries.isEmpty();
        });
  }

  private static String addressOf(CatalogService entry) {
    return entry.getServiceAddress().isEmpty() ? entry.getAddress() : entry.getServiceAddress();
  }

  @Override
  public void close() {
    requests.consul().destroy();
  }
}
