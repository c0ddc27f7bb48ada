package io.bolina.registry.consul;

import com.orbitz.consul.ConsulException;
import com.orbitz.consul.model.kv.Value;
import io.bolina.registry.DrainOrder;
import io.bolina.registry.Drainer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Orders servers to drain by a key of their own. Consul's maintenance mode would do for a server's
 * own agent, but it can be set there only, and an agent need not be in reach from elsewhere.
 */
public final class ConsulDrainer implements Drainer {
  private static final Logger log = LoggerFactory.getLogger(ConsulDrainer.class);

  private final ConsulRequests requests;

  public ConsulDrainer(ConsulSettings settings) {
    this.requests = new ConsulRequests(settings);
  }

  @Override
  public void order(String service, String serverId, DrainOrder order) {
    String key = OrderReader.prefix(service) + serverId;
    requests.say(
        "order '" + serverId + "' to drain",
        "key:write on '" + key + "'",
        () -> {
          if (!requests.consul().keyValueClient().putValue(key, OrderReader.write(order))) {
            throw new ConsulException("Consul did not write " + key);
          }
          return true;
        });
  }

  @Override
  public void callOff(String service, String serverId) {
    String key = OrderReader.prefix(service) + serverId;
    requests.say(
        "call off the drain of '" + serverId + "'",
        "key:write on '" + key + "'",
        () -> {
          requests.consul().keyValueClient().deleteKey(key);
          return true;
        });
  }

  @Override
  public Map<String, DrainOrder> orders(String service) {
    String prefix = OrderReader.prefix(service);
    List<Value> values =
        requests.say(
            "read the orders to drain under " + prefix,
            "key:read on '" + prefix + "'",
            () -> requests.consul().keyValueClient().getValues(prefix));
    Map<String, DrainOrder> orders = new TreeMap<>();
    for (Value value : values) {
      String id = value.getKey().substring(prefix.length());
      if (!id.isEmpty()) {
        try {
          byte[] entry = value.getValueAsString().orElse("").getBytes(StandardCharsets.UTF_8);
          orders.put(id, OrderReader.parse(entry));
        } catch (IllegalArgumentException e) {
          log.debug("{}: {}; the watch has warned of it", value.getKey(), e.getMessage());
        }
      }
    }
    return orders;
  }

  @Override
  public void close() {
    requests.consul().destroy();
  }
}
