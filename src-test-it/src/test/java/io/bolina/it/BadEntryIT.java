package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.registry.Registrar;
import io.bolina.registry.Registry;
import io.bolina.registry.consul.AnswerLimits;
import io.bolina.registry.consul.ConsulRegistrar;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.RealPart;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What somebody with rights of his own in a real Consul can do to the view of others. */
class BadEntryIT {
  private static final String MANAGEMENT = "6f0c4c0a-0f4e-4d0e-8c0b-1f4f6c1b7a11";

  @TempDir private Path directory;

  private RealConsul consul;

  @AfterEach
  void close() {
    consul.close();
  }

  private ConsulApi start() throws Exception {
    consul =
        RealConsul.start(
            RealPart.CONSUL.installed(), directory.resolve("consul"), Optional.empty());
    return consul.api();
  }

  private static Registry registry(ConsulSettings settings) {
    return new ConsulRegistry(settings, FleetSettings.DEFAULTS, Telemetry.create());
  }

  private static Optional<Member> member(Registry.Watch watch, String id) {
    return watch.current().members().stream().filter(m -> m.server().id().equals(id)).findFirst();
  }

  private static boolean is(Registry.Watch watch, String id, Health health) {
    return member(watch, id).filter(m -> m.health() == health).isPresent();
  }

  /** Two registrations that no parser reads: as a first answer, and among later ones. */
  @Test
  void a_registration_that_cannot_be_read_blinds_nobody() throws Exception {
    ConsulApi api = start();
    for (int n = 1; n <= 3; n++) {
      api.register(SERVICE, "b-" + n, "127.0.0.1", 7000 + n);
    }
    api.put(
        "/v1/agent/service/register",
        "{\"ID\": \"rogue\", \"Name\": \"bolina\", \"Kind\": \"connect-proxy\", \"Address\": \"127.0.0.1\", \"Port\": 7009,"
            + " \"Proxy\": {\"DestinationServiceName\": \"x\", \"Config\": {\"a\": "
            + "[".repeat(1_500)
            + "]".repeat(1_500)
            + "}}}");
    api.put(
        "/v1/agent/service/register",
        "{\"ID\": \"large\", \"Name\": \"bolina\", \"Address\": \"127.0.0.1\", \"Port\": 2147483648}");
    ConsulSettings settings = ConsulSettings.at(consul.url());
    try (Registry registry = registry(settings);
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {});
        Registrar registrar = new ConsulRegistrar(settings)) {
      await().until(() -> watch.current().members().size() == 3);
      api.health("b-2", "critical", "");
      await().until(() -> is(watch, "b-2", Health.CRITICAL));
      assertThat(watch.current().health().error()).isEmpty();
      Server own = new Server("b-1", SERVICE, "127.0.0.1", 7001, "", Map.of());
      assertThat(registrar.registration(own).registered()).isTrue();
      assertThat(registrar.sharing(own)).isEmpty();

      // A known server, registered anew so that it cannot be read: closed, and kept.
      api.put(
          "/v1/agent/service/register",
          "{\"ID\": \"b-3\", \"Name\": \"bolina\", \"Address\": \"127.0.0.1\", \"Port\": 2147483648}");
      await().until(() -> is(watch, "b-3", Health.CRITICAL));
      api.register(SERVICE, "b-3", "127.0.0.1", 7003);
      await().until(() -> is(watch, "b-3", Health.PASSING));
    }
  }

  @Test
  void one_server_under_two_spellings_of_its_address_is_one_and_the_critical_word_counts()
      throws Exception {
    ConsulApi api = start();
    api.register(SERVICE, "b-1", "127.0.0.1", 7001);
    api.register(SERVICE, "alias", "::ffff:127.0.0.1", 7001);
    ConsulSettings settings = ConsulSettings.at(consul.url());
    try (Registry registry = registry(settings);
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {})) {
      await().until(() -> watch.current().members().size() == 1);
      api.health("b-1", "critical", "");
      await().until(() -> watch.current().members().get(0).health() == Health.CRITICAL);
      api.health("b-1", "passing", "");
      await().until(() -> watch.current().members().get(0).health() == Health.PASSING);
      api.health("alias", "critical", "");
      await().until(() -> watch.current().members().get(0).health() == Health.CRITICAL);
    }
  }

  @Test
  void over_its_bounds_an_answer_changes_nothing_and_says_what_to_set() throws Exception {
    ConsulApi api = start();
    api.register(SERVICE, "b-1", "127.0.0.1", 7001);
    api.register(SERVICE, "b-2", "127.0.0.1", 7002);
    ConsulSettings settings =
        ConsulSettings.at(consul.url()).withLimits(new AnswerLimits(1024 * 1024, 2));
    try (Registry registry = registry(settings);
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {})) {
      await().until(() -> watch.current().members().size() == 2);
      api.register(SERVICE, "b-3", "127.0.0.1", 7003);
      await()
          .until(() -> watch.current().health().error().orElse("").contains("consul-max-entries"));
      Fleet fleet = watch.current();
      assertThat(fleet.members()).hasSize(2).allMatch(Member::listed);
      api.deregister("b-1");
      await().until(() -> watch.current().health().error().isEmpty());
      assertThat(member(watch, "b-3")).isPresent();
    }
  }

  @Test
  void where_consul_distinguishes_to_list_from_to_read_the_error_names_the_rule() throws Exception {
    Path config =
        Files.writeString(
            directory.resolve("acl.json"), "{\"acl\": {\"enable_key_list_policy\": true}}");
    consul =
        RealConsul.start(
            RealPart.CONSUL.installed(),
            directory.resolve("consul"),
            Optional.of(MANAGEMENT),
            Optional.of(config));
    ConsulApi api = consul.api();
    api.register(SERVICE, "b-1", "127.0.0.1", 7001);
    api.load(SERVICE, "b-1", 0.4, 7);
    String rules =
        "service \\\"bolina\\\" { policy = \\\"read\\\" } node_prefix \\\"\\\" { policy = \\\"read\\\" }"
            + " key_prefix \\\"bolina/\\\" { policy = \\\"%s\\\" }";
    api.put(
        "/v1/acl/policy", "{\"Name\": \"reader\", \"Rules\": \"" + rules.formatted("read") + "\"}");
    String token = "0a3d7c66-8d0e-4a55-9d2b-7f1c0b6d1a01";
    api.put(
        "/v1/acl/token",
        "{\"SecretID\": \"" + token + "\", \"Policies\": [{\"Name\": \"reader\"}]}");
    ConsulSettings settings = ConsulSettings.at(consul.url()).withToken(Optional.of(token));
    try (Registry registry = registry(settings);
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {})) {
      await()
          .until(
              () ->
                  watch
                      .current()
                      .load()
                      .error()
                      .orElse("")
                      .contains("key_prefix \"bolina/load/bolina/\" { policy = \"list\" }"));
      String policy = api.get("/v1/acl/policy/name/reader").path("ID").asText();
      api.put(
          "/v1/acl/policy/" + policy,
          "{\"Name\": \"reader\", \"Rules\": \"" + rules.formatted("list") + "\"}");
      await().until(() -> member(watch, "b-1").flatMap(Member::load).isPresent());
    }
  }

  @Test
  void a_token_that_is_rotated_in_its_file_is_used() throws Exception {
    consul =
        RealConsul.start(
            RealPart.CONSUL.installed(), directory.resolve("consul"), Optional.of(MANAGEMENT));
    consul.api().register(SERVICE, "b-1", "127.0.0.1", 7001);
    Path file =
        Files.writeString(directory.resolve("token"), "00000000-0000-0000-0000-00000000dead");
    ConsulSettings settings =
        ConsulSettings.at(consul.url())
            .withToken(Optional.of("00000000-0000-0000-0000-00000000dead"))
            .withTokenFile(Optional.of(file));
    try (Registry registry = registry(settings);
        Registry.Watch watch = registry.watch(SERVICE, Optional.empty(), fleet -> {})) {
      await().until(() -> watch.current().health().error().isPresent());
      Files.writeString(file, MANAGEMENT + "\n");
      await().until(() -> watch.current().members().size() == 1);
    }
  }
}
