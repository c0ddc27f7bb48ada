package io.bolina.registry.consul;

import com.orbitz.consul.Consul;
import com.orbitz.consul.model.catalog.ImmutableCatalogDeregistration;
import io.bolina.registry.Catalog;
import io.bolina.registry.consul.AgentLists.ListedService;
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
          boolean here =
              requests.map("v1/agent/services", AgentLists::ofAgent).stream()
                  .anyMatch(entry -> is(server, entry));
          if (here) {
            consul.agentClient().deregister(server.id());
            return true;
          }
          List<ListedService> entries =
              requests
                  .list("v1/catalog/service/" + server.service(), Map.of(), AgentLists::ofCatalog)
                  .stream()
                  .filter(entry -> is(server, entry))
                  .toList();
          for (ListedService entry : entries) {
            consul
                .catalogClient()
                .deregister(
                    ImmutableCatalogDeregistration.builder()
                        .node(entry.node())
                        .serviceId(server.id())
                        .build());
          }
          return !entries.isEmpty();
        });
  }

  private static boolean is(Server server, ListedService entry) {
    return server.id().equals(entry.id())
        && server.address().equals(IpAddress.canonical(entry.address()))
        && server.port() == entry.port()
        && server.incarnation().equals(entry.meta().getOrDefault(Server.INCARNATION, ""));
  }

  @Override
  public void close() {
    requests.close();
  }
}
