package io.bolina.registry.consul;

import com.orbitz.consul.Consul;
import com.orbitz.consul.model.catalog.CatalogService;
import com.orbitz.consul.model.catalog.ImmutableCatalogDeregistration;
import com.orbitz.consul.model.health.Service;
import io.bolina.registry.Catalog;
import io.bolina.registry.model.IpAddress;
import io.bolina.registry.model.Server;
import java.util.List;
import java.util.Map;

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
  public boolean remove(Server server) {
    return requests.make(
        "remove the entry of '" + server.id() + "'",
        "service:write on '" + server.service() + "' and node:read",
        () -> {
          Consul consul = requests.consul();
          Service here = consul.agentClient().getServices().get(server.id());
          if (here != null && is(server, here.getAddress(), here.getPort(), here.getMeta())) {
            consul.agentClient().deregister(server.id());
            return true;
          }
          List<CatalogService> entries =
              consul.catalogClient().getService(server.service()).getResponse().stream()
                  .filter(e -> e.getServiceId().equals(server.id()))
                  .filter(e -> is(server, addressOf(e), e.getServicePort(), e.getServiceMeta()))
                  .toList();
          for (CatalogService entry : entries) {
            consul
                .catalogClient()
                .deregister(
                    ImmutableCatalogDeregistration.builder()
                        .node(entry.getNode())
                        .serviceId(server.id())
                        .build());
          }
          return !entries.isEmpty();
        });
  }

  private static boolean is(Server server, String address, int port, Map<String, String> meta) {
    return server.address().equals(IpAddress.canonical(address))
        && server.port() == port
        && server.incarnation().equals(meta.getOrDefault(Server.INCARNATION, ""));
  }

  private static String addressOf(CatalogService entry) {
    return entry.getServiceAddress().isEmpty() ? entry.getAddress() : entry.getServiceAddress();
  }

  @Override
  public void close() {
    requests.consul().destroy();
  }
}
