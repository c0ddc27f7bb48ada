package io.bolina.benchmarks;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bolina.sandbox.consul.ConsulApi;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** A fleet in a Consul's catalog, each server on a machine of its own. */
final class BenchFleet {
  static final String SERVICE = "bolina";

  /** Consul takes so many operations at once. */
  private static final int OPERATIONS = 64;

  private final JsonMapper json = new JsonMapper();
  private final ConsulApi consul;
  private int size;

  BenchFleet(ConsulApi consul) {
    this.consul = consul;
  }

  int size() {
    return size;
  }

  static String id(int n) {
    return String.format("b-%05d", n);
  }

  static String address(int n) {
    return "10." + (100 + n / 62_500) + "." + n / 250 % 250 + "." + (n % 250 + 1);
  }

  /** Lets the fleet have so many servers, all passing. */
  void grow(int servers) throws IOException {
    ArrayNode operations = json.createArrayNode();
    for (; size < servers; size++) {
      String node = "machine-" + id(size);
      verb(operations, "Node").putObject("Node").put("Node", node).put("Address", address(size));
      ObjectNode service = verb(operations, "Service").put("Node", node).putObject("Service");
      service.put("ID", id(size)).put("Service", SERVICE);
      service.put("Address", address(size)).put("Port", 7777);
      service.putObject("Meta").put("zone", "zone-" + size % 3).put("version", "1.4.2");
      verb(operations, "Check").set("Check", check(size, "passing"));
      ObjectNode alive = verb(operations, "Check").putObject("Check");
      alive
          .put("Node", node)
          .put("CheckID", "alive")
          .put("Name", "Machine")
          .put("Status", "passing");
      if (operations.size() + 4 > OPERATIONS) {
        send(operations);
      }
    }
    send(operations);
  }

  private ObjectNode check(int n, String status) {
    return json.createObjectNode()
        .put("Node", "machine-" + id(n))
        .put("CheckID", "service:" + id(n))
        .put("Name", "report")
        .put("ServiceID", id(n))
        .put("Status", status)
        .put("Output", "health as it was reported");
  }

  private static ObjectNode verb(ArrayNode operations, String of) {
    return operations.addObject().putObject(of).put("Verb", "set");
  }

  private void send(ArrayNode operations) throws IOException {
    if (!operations.isEmpty()) {
      consul.put("/v1/txn", operations.toString());
      operations.removeAll();
    }
  }

  /** Changes the health of one server. */
  void health(int n, String status) throws IOException {
    ObjectNode body = json.createObjectNode();
    body.put("Node", "machine-" + id(n)).put("Address", address(n)).put("SkipNodeUpdate", true);
    body.set("Check", check(n, status));
    consul.put("/v1/catalog/register", body.toString());
  }

  /** Lets some servers report their loads. */
  void loads(int from, int count, double load) throws IOException {
    ArrayNode operations = json.createArrayNode();
    for (int n = from; n < from + count; n++) {
      String value = "{\"load\": " + load + ", \"sessions\": " + (n % 1000) + "}";
      operations
          .addObject()
          .putObject("KV")
          .put("Verb", "set")
          .put("Key", "bolina/load/" + SERVICE + "/" + id(n % size))
          .put("Value", Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8)));
      if (operations.size() == OPERATIONS) {
        send(operations);
      }
    }
    send(operations);
  }
}
