package io.bolina.sandbox;

import io.bolina.registry.Registry;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.runtime.Telemetry;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/** Makes the registry of one control plane of a sandbox. */
public record Registries(FleetSettings settings, Telemetry telemetry) {

  /** On Consul, asked often enough that a test need not wait. */
  public Registry onConsul(URI url, Optional<String> token) {
    return onConsul(ConsulSettings.at(url).withToken(token).withWait(Duration.ofSeconds(5)));
  }

  public Registry onConsul(ConsulSettings consul) {
    return new ConsulRegistry(consul, settings, telemetry);
  }

  public InMemoryRegistry inMemory() {
    return new InMemoryRegistry(settings, telemetry);
  }
}
