package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bolina.registry.DrainOrders;
import io.bolina.registry.Registry;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.consul.ConsulDrainOrders;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.runtime.Telemetry;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
  void makeAuthorities() throws Exception {
    consulCommand("tls", "ca", "create");
    consulCommand("tls", "ca", "create", "-domain", "another");
  }

  /** Starts a Consul whose certificate is for its name, for localhost and for 127.0.0.1. */
  private void startConsul() throws Exception {
    startConsul(false, "-additional-ipaddress", "127.0.0.1");
  }

  private void startConsul(boolean verifyIncoming, String... certificateOptions) throws Exception {
    List<String> create = new ArrayList<>(List.of("tls", "cert", "create", "-server"));
    create.addAll(List.of(certificateOptions));
    consulCommand(create.toArray(String[]::new));
    int https = FreePort.tcp();
    Path config =
        Files.writeString(
            directory.resolve("tls.json"),
            """
            {"ports": {"https": %d},
             "tls": {"https": {"ca_file": "%s/consul-agent-ca.pem",
                               "cert_file": "%s/dc1-server-consul-0.pem",
                               "key_file": "%s/dc1-server-consul-0-key.pem",
                               "verify_incoming": %s}}}
            """
                .formatted(https, directory, directory, directory, verifyIncoming));
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

  private ConsulSettings settings(String caFile) {
    return ConsulSettings.at(url)
        .withToken(Optional.of(TOKEN))
        .withCaFile(Optional.of(directory.resolve(caFile)));
  }

  private ConsulSettings settings() {
    return settings("consul-agent-ca.pem");
  }

  private static Registry registry(ConsulSettings settings) {
    return new ConsulRegistry(settings, FleetSettings.DEFAULTS, Telemetry.create());
  }

  private static void assertWatched(ConsulSettings settings) {
    try (Registry registry = registry(settings);
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {})) {
      await().until(() -> watch.current().members().size() == 1);
    }
  }

  private static void assertRefused(ConsulSettings settings, String reason) {
    try (Registry registry = registry(settings);
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {})) {
      await().until(() -> watch.current().health().error().isPresent());
      Fleet fleet = watch.current();
      assertThat(fleet.members()).isEmpty();
      assertThat(fleet.health().error().orElseThrow()).contains(reason).contains("consul-ca-file");
    }
  }

  @Test
  void a_consul_whose_certificate_is_from_the_given_ca_is_watched() throws Exception {
    startConsul();
    assertWatched(settings());
  }

  @Test
  void any_other_is_not_trusted() throws Exception {
    startConsul();
    assertRefused(settings("another-agent-ca.pem"), "SSLHandshakeException");
  }

  @Test
  void a_consul_that_verifies_clients_gets_the_client_certificate() throws Exception {
    startConsul(true, "-additional-ipaddress", "127.0.0.1");
    consulCommand("tls", "cert", "create", "-client");
    Optional<Path> certificate = Optional.of(directory.resolve("dc1-client-consul-0.pem"));
    Optional<Path> key = Optional.of(directory.resolve("dc1-client-consul-0-key.pem"));
    ConsulSettings access = settings().withClientCertificate(certificate, key);
    assertWatched(access);
    try (DrainOrders orders = new ConsulDrainOrders(access)) {
      orders.order(SERVICE, "b-1", new DrainOrder("ann", Instant.EPOCH, "", Map.of()));
    }
    assertThat(consul.api().get("/v1/kv/bolina/drain/bolina/b-1").isEmpty()).isFalse();
    assertRefused(settings(), "");
  }

  @Test
  void the_server_name_counts_and_not_the_host_of_the_url() throws Exception {
    // Every certificate of Consul's command is for localhost too; so what proves that the name
    // counts
    // and not the URL's host is the name that is refused.
    startConsul();
    url = URI.create("https://localhost:" + url.getPort());
    assertWatched(settings().withTlsServerName(Optional.of("server.dc1.consul")));
    assertRefused(
        settings().withTlsServerName(Optional.of("server.dc2.consul")), "server.dc2.consul");
  }

  @Test
  void certificates_that_are_replaced_in_their_files_are_used() throws Exception {
    startConsul(true, "-additional-ipaddress", "127.0.0.1");
    consulCommand("tls", "cert", "create", "-client");
    consulCommand("tls", "cert", "create", "-client", "-domain", "another");
    Path certificate = directory.resolve("certificate.pem");
    Path key = directory.resolve("key.pem");
    Path ca = directory.resolve("ca.pem");
    Files.copy(directory.resolve("dc1-client-another-0.pem"), certificate);
    Files.copy(directory.resolve("dc1-client-another-0-key.pem"), key);
    Files.copy(directory.resolve("another-agent-ca.pem"), ca);
    ConsulSettings access =
        settings("ca.pem").withClientCertificate(Optional.of(certificate), Optional.of(key));
    try (Registry registry = registry(access);
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {});
        DrainOrders orders = new ConsulDrainOrders(access)) {
      await().until(() -> watch.current().health().error().isPresent());
      DrainOrder order = new DrainOrder("ann", Instant.EPOCH, "", Map.of());
      assertThatThrownBy(() -> orders.order(SERVICE, "b-1", order))
          .isInstanceOf(RegistryWriteFailed.class);

      replace(ca, "consul-agent-ca.pem");
      replace(certificate, "dc1-client-consul-0.pem"); // its key is another for a moment
      replace(key, "dc1-client-consul-0-key.pem");
      await().until(() -> watch.current().members().size() == 1);
      orders.order(SERVICE, "b-1", order);
    }
  }

  private void replace(Path file, String with) throws IOException {
    Files.copy(directory.resolve(with), file, StandardCopyOption.REPLACE_EXISTING);
  }
}
