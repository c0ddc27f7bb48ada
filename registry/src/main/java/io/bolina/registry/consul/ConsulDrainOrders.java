package io.bolina.registry.consul;

import com.orbitz.consul.ConsulException;
import io.bolina.registry.DrainOrders;
import io.bolina.registry.model.DrainOrder;

/**
 * Orders servers to drain by a key of their own. Consul's maintenance mode would do for a server's
 * own agent, but it can be set there only, and an agent need not be in reach from elsewhere.
 */
public final class ConsulDrainOrders implements DrainOrders {
  private final ConsulRequests requests;

  public ConsulDrainOrders(ConsulSettings settings) {
    this.requests = new ConsulRequests(settings);
  }

  @Override
  public void order(String service, String serverId, DrainOrder order) {
    String key = DrainOrderReader.prefix(service) + serverId;
    requests.make(
        "order '" + serverId + "' to drain",
        "key:write on '" + key + "'",
        () -> {
          if (!requests.consul().keyValueClient().putValue(key, DrainOrderReader.write(order))) {
            throw new ConsulException("Consul did not write " + key);
          }
          return true;
        });
  }

  @Override
  public void callOff(String service, String serverId) {
    String key = DrainOrderReader.prefix(service) + serverId;
    requests.make(
        "call off the drain of '" + serverId + "'",
        "key:write on '" + key + "'",
        () -> {
          requests.consul().keyValueClient().deleteKey(key);
          return true;
        });
  }

  @Override
  public void close() {
    requests.close();
  }
}
