package io.bolina.launcher.demo;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.registry.FleetSettings;
import io.bolina.registry.Health;
import io.bolina.registry.Registry;
import io.bolina.registry.Warnings;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.consul.ConsulFront;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Clock;
import java.util.Locale;
import java.util.Optional;

/**
 * The demo's registry on a Consul of the user's. It keeps to a service of its own, and to fail the
 * registry it cuts the connection in between; the Consul itself is never touched.
 */
final class RegistryOnConsul implements DemoRegistry {
  private static final String SERVICE = "bolina-demo";

  private final Optional<String> token =
      Optional.ofNullable(System.getenv("CONSUL_HTTP_TOKEN")).filter(t -> !t.isBlank());
  private final ConsulApi api;
  private final ConsulFront front;

  /**
   * @throws IOException if there is no Consul at the URL
   */
  RegistryOnConsul(URI url) throws IOException {
    this.api = new ConsulApi(url, token);
    try {
      removeAll();
    } catch (IOException | IllegalArgumentException e) {
      throw new IOException(
          "no usable Consul agent at "
              + url
              + " (--consul): "
              + e
              + "; is the URL right, and running?",
          e);
    }
    this.front = new ConsulFront(url);
  }

  @Override
  public String name() {
    return "Consul at " + api.url();
  }

  @Override
  public String service() {
    return SERVICE;
  }

  @Override
  public Registry open() {
    Clock clock = Clock.systemUTC();
    return new ConsulRegistry(
        ConsulSettings.at(front.url()).withToken(token),
        FleetSettings.DEFAULTS,
        new Warnings(new SimpleMeterRegistry(), clock),
        clock);
  }

  @Override
  public void register(String id, InetSocketAddress address) throws IOException {
    api.register(SERVICE, id, address.getHostString(), address.getPort());
  }

  @Override
  public void deregister(String id) throws IOException {
    api.deregister(id);
  }

  @Override
  public void health(String id, Health health, String output) throws IOException {
    api.health(id, health.name().toLowerCase(Locale.ROOT), output);
  }

  @Override
  public void draining(String id, boolean draining) throws IOException {
    api.maintenance(id, draining);
  }

  @Override
  public void load(String id, double load, long sessions) throws IOException {
    api.load(SERVICE, id, load, sessions);
  }

  @Override
  public void cutOff() {
    front.fail(ConsulFront.Fault.CUT_OFF);
  }

  @Override
  public void reconnect() {
    front.recover();
  }

  @Override
  public void close() throws IOException {
    front.close();
    removeAll();
  }

  /** Also what an earlier demo that was killed has left. */
  private void removeAll() throws IOException {
    for (JsonNode service : api.get("/v1/agent/services")) {
      if (service.path("Service").asText().equals(SERVICE)) {
        api.deregister(service.path("ID").asText());
      }
    }
    api.deleteKey("bolina/load/" + SERVICE + "/");
  }
}
