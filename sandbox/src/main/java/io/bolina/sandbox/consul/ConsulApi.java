package io.bolina.sandbox.consul;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What a server says to its local Consul agent, as docs/consul-contract.md has it: the writing
 * side, with the REST API alone, as a server in another language would.
 */
public final class ConsulApi {
  private static final HttpClient HTTP =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Waiting.LONG)
          .build();
  private static final JsonMapper JSON = new JsonMapper();

  private final URI url;
  private final Optional<String> token;

  public ConsulApi(URI url, Optional<String> token) {
    this.url = url;
    this.token = token;
  }

  public URI url() {
    return url;
  }

  /** Registers a server with a TTL check that passes from now on for an hour. */
  public void register(String service, String id, String address, int port) throws IOException {
    register(service, id, address, port, "");
  }

  /**
   * The same in a zone.
   *
   * @param zone empty for none
   */
  public void register(String service, String id, String address, int port, String zone)
      throws IOException {
    ObjectNode body = JSON.createObjectNode();
    body.put("ID", id).put("Name", service).put("Address", address).put("Port", port);
    if (!zone.isEmpty()) {
      body.putObject("Meta").put("zone", zone);
    }
    body.putObject("Check")
        .put("CheckID", "service:" + id)
        .put("Name", "report")
        .put("TTL", "1h")
        .put("Status", "passing");
    put("/v1/agent/service/register", body.toString());
    // Without a report of its own, the check would be critical after a restart of the agent.
    health(id, "passing", "");
  }

  /** Reports a server's health: passing, warning or critical. */
  public void health(String id, String status, String output) throws IOException {
    ObjectNode body = JSON.createObjectNode().put("Status", status).put("Output", output);
    put("/v1/agent/check/update/service:" + id, body.toString());
  }

  /** Reports a server's load. */
  public void load(String service, String id, double load, long sessions) throws IOException {
    ObjectNode body = JSON.createObjectNode().put("load", load).put("sessions", sessions);
    put("/v1/kv/bolina/load/" + service + "/" + id, body.toString());
  }

  public void maintenance(String id, boolean on) throws IOException {
    put("/v1/agent/service/maintenance/" + id + "?enable=" + on + "&reason=test", "");
  }

  public void deregister(String id) throws IOException {
    put("/v1/agent/service/deregister/" + id, "");
  }

  /** Removes a key, or with a trailing slash everything under it. */
  public void deleteKey(String key) throws IOException {
    send("DELETE", "/v1/kv/" + key + (key.endsWith("/") ? "?recurse" : ""), "");
  }

  public void put(String path, String body) throws IOException {
    send("PUT", path, body);
  }

  public JsonNode get(String path) throws IOException {
    return JSON.readTree(send("GET", path, ""));
  }

  /** Whether Consul answers and has a leader. */
  public boolean hasLeader() {
    try {
      return !get("/v1/status/leader").asText().isEmpty();
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Sends a request and returns the answer's body.
   *
   * @throws IOException if the status is not 200
   */
  public String send(String method, String path, String body) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(url.resolve(path))
            .timeout(Waiting.LONG)
            .method(method, HttpRequest.BodyPublishers.ofString(body, StandardCharsets.UTF_8));
    token.ifPresent(t -> request.header("X-Consul-Token", t));
    try {
      HttpResponse<String> response =
          HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) {
        throw new IOException(
            "Consul answered "
                + method
                + " "
                + path
                + " with "
                + response.statusCode()
                + ": "
                + response.body().strip());
      }
      return response.body();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
