package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.registry.Registry;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.Fleet;
import io.bolina.runtime.Warnings;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Consul over TLS, with certificates that its own command makes. */
class ConsulTlsIT {
  private static final String TOKEN = "6f0c4c0a-0f4e-4d0e-8c0b-1f4f6c1b7a11";

  @TempDir private Path directory;

  private RealConsul consul;
  private URI url;

  private void consulCommand(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(RealPart.CONSUL.installed().toString()));
    command.addAll(List.of(arguments));
    Command.of(command).in(directory).run();
  }

  @BeforeEach
  void consulWithTls() throws Exception {
    consulCommand("tls", "ca", "create");
    consulCommand("tls", "ca", "create", "-domain", "another");
    consulCommand("tls", "cert", "create", "-server", "-additional-ipaddress", "127.0.0.1");
    int https = FreePort.tcp();
    Path config =
        Files.writeString(
            directory.resolve("tls.json"),
            """
            {"ports": {"https": %d},
             "tls": {"https": {"cert_file": "%s/dc1-server-consul-0.pem",
                               "key_file": "%s/dc1-server-consul-0-key.pem"}}}
            """
                .formatted(https, directory, directory));
    consul =
        RealConsul.start(
            RealPart.CONSUL.installed(),
            directory.resolve("consul"),
            Optional.of(TOKEN),
            Optional.of(config));
    consul.api().register(SERVICE, "b-1", "127.0.0.1", 7001);
    url = URI.create("https://127.0.0.1:" + https);
  }

  @AfterEach
  void close() {
    consul.close();
  }

  private Registry registry(String caFile) {
    Clock clock = Clock.systemUTC();
    return new ConsulRegistry(
        ConsulSettings.at(url)
            .withToken(Optional.of(TOKEN))
            .withCaFile(Optional.of(directory.resolve(caFile))),
        FleetSettings.DEFAULTS,
        new Warnings(new SimpleMeterRegistry(), clock),
        clock);
  }

  @Test
  void a_consul_whose_certificate_is_from_the_given_ca_is_watched() throws Exception {
    try (Registry registry = registry("consul-agent-ca.pem");
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {})) {
      await().until(() -> watch.current().members().size() == 1);
    }
  }

  @Test
  void any_other_is_not_believed() throws Exception {
    try (Registry registry = registry("another-agent-ca.pem");
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {})) {
      await().until(() -> watch.current().health().problem().isPresent());
      Fleet fleet = watch.current();
      assertThat(fleet.members()).isEmpty();
      assertThat(fleet.health().problem().orElseThrow()).contains("SSLHandshakeException");
    }
  }
}
