package io.bolina.controlplane.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.resources.ActiveHealthCheck;
import io.bolina.controlplane.resources.ClientHash;
import io.bolina.controlplane.resources.ProxySettings;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.registry.consul.ConsulOptions;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.runtime.setting.InvalidSettings;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ControlPlaneConfigTest {
  private static final Map<String, List<String>> ONE_SERVICE =
      Map.of("service", List.of("bolina=127.0.0.1:10000"));

  @TempDir private Path directory;

  private record OnConsul(ControlPlaneConfig controlPlane, ConsulSettings consul) {}

  private static OnConsul read(Map<String, List<String>> commandLine) {
    return read(commandLine, Optional.empty(), Map.of());
  }

  private static OnConsul read(
      Map<String, List<String>> commandLine, Optional<Path> file, Map<String, String> environment) {
    SettingValues values = values(commandLine, file, environment);
    return values.madeOrInvalid(
        () -> new OnConsul(ControlPlaneConfig.of(values), ConsulOptions.toWatch(values)));
  }

  private static SettingValues values(
      Map<String, List<String>> commandLine, Optional<Path> file, Map<String, String> environment) {
    return SettingValues.read(ControlPlaneConfig.SETTINGS, commandLine, file, environment);
  }

  private static List<String> errors(Map<String, List<String>> commandLine, Optional<Path> file) {
    return catchThrowableOfType(InvalidSettings.class, () -> read(commandLine, file, Map.of()))
        .errors();
  }

  private Optional<Path> file(String yaml) throws IOException {
    return Optional.of(Files.writeString(directory.resolve("bolina.yaml"), yaml));
  }

  @Test
  void the_defaults_are_those_of_the_parts() {
    OnConsul settings = read(ONE_SERVICE);
    assertThat(settings.consul()).isEqualTo(ConsulSettings.at(URI.create("http://127.0.0.1:8500")));
    assertThat(settings.controlPlane())
        .usingRecursiveComparison()
        .ignoringFields("settings")
        .isEqualTo(ControlPlaneConfig.of(List.of(new UdpService("bolina", "127.0.0.1", 10_000))));
    assertThat(settings.controlPlane().admission()).isEqualTo(AdmissionSettings.DEFAULTS);
    assertThat(settings.controlPlane().proxy()).isEqualTo(ProxySettings.DEFAULTS);
    assertThat(settings.controlPlane().fleet()).isEqualTo(FleetSettings.DEFAULTS);
  }

  @Test
  void every_setting_can_be_given_in_the_file() throws Exception {
    Path token = Files.writeString(directory.resolve("token"), "secret\n");
    Map<String, String> values = new LinkedHashMap<>();
    values.put("consul", "https://consul.example:8501");
    values.put("consul-ssl", "true");
    values.put("consul-token-file", token.toString());
    values.put("consul-ca-file", token.toString());
    values.put("consul-client-cert-file", token.toString());
    values.put("consul-client-key-file", token.toString());
    values.put("consul-tls-server-name", "server.dc1.consul");
    values.put("consul-max-answer", "65536");
    values.put("consul-max-entries", "7");
    values.put("consul-wait", "5m");
    values.put("consul-stale-bound", "3s");
    values.put("load-pacing", "1s");
    values.put("service", "[one=0.0.0.0:1, \"two=[::]:2\"]");
    values.put("hash", "[two=none]");
    values.put("route-each-datagram", "[two=true]");
    values.put("prefer-gro", "[one=true, two=false]");
    values.put("health-check", "['one=http,path=/alive']");
    makeCertificate();
    values.put("xds", "0.0.0.0:18001");
    values.put("xds-cert-file", directory.resolve("cert.pem").toString());
    values.put("xds-key-file", directory.resolve("key.pem").toString());
    values.put("xds-client-ca-file", directory.resolve("cert.pem").toString());
    values.put("xds-peer", "['*.edges.example.org=one,two']");
    values.put("xds-node-id", "any");
    values.put("xds-plain", "0.0.0.0:18000");
    values.put("insecure-xds", "true");
    values.put("admin", "127.0.0.1:18081");
    Path access = Files.writeString(directory.resolve("access"), "0123456789abcdef\n");
    values.put("admin-token-file", access.toString());
    values.put("admin-name", "[bolina.example]");
    values.put("state-dir", directory.toString());
    values.put("linger", "20m");
    values.put("gone-after", "40s");
    values.put("hold-limit", "1h");
    values.put("overloaded-at", "0.8");
    values.put("weight-steps", "0:100,0.6:60");
    values.put("warning-share", "0.25");
    values.put("session-idle-timeout", "15m");
    values.put("max-datagram-size", "9000");
    values.put("max-sessions", "5000");
    values.put("coalesce", "20ms");
    values.put("endpoint-delivery", "eds");
    Path gate = Files.writeString(directory.resolve("gate.yaml"), "one: {first-size: 9}\n");
    values.put("gate-rules", gate.toString());
    values.put("no-envoy-warning", "5m");
    values.put("peers", "10.0.0.2:18001");
    values.put("blind-after", "4s");
    values.put("xds-max-connections", "100");
    values.put("xds-max-peer-connections", "50");
    values.put("xds-max-streams", "101");
    values.put("xds-max-peer-streams", "51");
    values.put("xds-max-connection-streams", "10");
    values.put("xds-max-names", "1000");
    values.put("xds-max-name-length", "100");
    values.put("xds-max-request", "65536");
    values.put("xds-max-request-rate", "10");
    values.put("xds-max-held", "1048576");
    values.put("xds-first-request-within", "10s");
    values.put("xds-read-within", "20s");
    assertThat(values.keySet())
        .as("this test must give every setting")
        .containsExactlyElementsOf(
            ControlPlaneConfig.SETTINGS.stream()
                .filter(s -> !s.secret())
                .map(Setting::key)
                .toList());
    StringBuilder yaml = new StringBuilder();
    values.forEach((key, value) -> yaml.append(key).append(": ").append(value).append('\n'));

    SettingValues read = values(Map.of(), file(yaml.toString()), Map.of());
    ControlPlaneConfig config = read.madeOrInvalid(() -> ControlPlaneConfig.of(read));
    assertThat(read.get(ConsulOptions.WAIT)).isEqualTo(Duration.ofMinutes(5));
    assertThat(read.get(ConsulOptions.CLIENT_KEY_FILE)).isEqualTo(token);
    assertThat(read.get(ConsulOptions.MAX_ANSWER)).isEqualTo(65_536);
    assertThat(read.get(ConsulOptions.MAX_ENTRIES)).isEqualTo(7);
    assertThat(config.services())
        .containsExactly(
            new UdpService("one", "0.0.0.0", 1)
                .with(ActiveHealthCheck.parse("http,path=/alive"))
                .withPreferGro(true),
            new UdpService("two", "::", 2)
                .with(ClientHash.NONE)
                .withRouteEachDatagram(true)
                .withPreferGro(false));
    assertThat(config.fleet())
        .isEqualTo(
            new FleetSettings(Duration.ofMinutes(20), Duration.ofSeconds(40), Duration.ofHours(1)));
    assertThat(config.admission().load().weightSteps()).hasToString("0:100,0.6:60");
    assertThat(config.proxy()).isEqualTo(new ProxySettings(Duration.ofMinutes(15), 9000, 5000));
    assertThat(config.coalesce()).isEqualTo(Duration.ofMillis(20));
    assertThat(config.endpointDelivery()).isEqualTo(EndpointDelivery.EDS);
    assertThat(config.gateRules()).contains(gate);
  }

  private void makeCertificate() throws Exception {
    Process openssl =
        new ProcessBuilder(
                List.of(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-subj",
                    "/CN=c",
                    "-days",
                    "2",
                    "-keyout",
                    "key.pem",
                    "-out",
                    "cert.pem"))
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .start();
    String output = new String(openssl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(openssl.waitFor()).as(output).isZero();
  }

  @Test
  void what_other_hosts_reach_has_tls_or_says_that_it_has_not() throws Exception {
    Map<String, List<String>> open = new HashMap<>(ONE_SERVICE);
    open.put("xds", List.of("0.0.0.0:18000"));
    assertThat(errors(open, Optional.empty()))
        .singleElement()
        .asString()
        .contains("--xds: 0.0.0.0:18000 has no TLS", "xds-cert-file", "--insecure-xds");
    open.put("insecure-xds", List.of("true"));
    assertThat(warnings(open))
        .singleElement()
        .asString()
        .startsWith("--insecure-xds: 0.0.0.0:18000 has no TLS and other hosts reach it");

    makeCertificate();
    Map<String, List<String>> tls = new HashMap<>(ONE_SERVICE);
    tls.put("xds", List.of("0.0.0.0:18001"));
    tls.put("xds-cert-file", List.of(directory.resolve("cert.pem").toString()));
    tls.put("xds-key-file", List.of(directory.resolve("key.pem").toString()));
    assertThat(warnings(tls)).singleElement().asString().contains("no certificate is asked for");
    tls.put("xds-client-ca-file", List.of(directory.resolve("cert.pem").toString()));
    assertThat(warnings(tls)).isEmpty();
    tls.put("xds-plain", List.of("127.0.0.1:18000"));
    assertThat(warnings(tls)).isEmpty();
    tls.put("xds-plain", List.of("0.0.0.0:18000"));
    assertThat(errors(tls, Optional.empty())).singleElement().asString().contains("--xds-plain");
    assertThat(read(ONE_SERVICE).controlPlane().access().tls()).isEmpty();
  }

  private static List<String> warnings(Map<String, List<String>> commandLine) {
    SettingValues values = values(commandLine, Optional.empty(), Map.of());
    ControlPlaneConfig.of(values);
    values.throwIfInvalid();
    return values.warnings();
  }

  @Test
  void what_of_tls_does_not_fit_together_is_said() throws Exception {
    makeCertificate();
    String certificate = directory.resolve("cert.pem").toString();
    Files.copy(directory.resolve("key.pem"), directory.resolve("old.pem"));
    makeCertificate();
    Map<String, List<String>> given = new HashMap<>(ONE_SERVICE);
    given.put("xds-client-ca-file", List.of(certificate));
    given.put("xds-plain", List.of("127.0.0.1:1"));
    given.put("xds-peer", List.of("edge=other"));
    assertThat(errors(given, Optional.empty()))
        .anySatisfy(e -> assertThat(e).contains("--xds-client-ca-file: needs xds-cert-file"))
        .anySatisfy(e -> assertThat(e).contains("--xds-plain: needs xds-cert-file"))
        .anySatisfy(e -> assertThat(e).contains("--xds-peer: 'other' is no service"))
        .hasSize(3);
    given.put("xds-cert-file", List.of(certificate));
    given.put("xds-peer", List.of("edge=bolina"));
    assertThat(errors(given, Optional.empty()))
        .singleElement()
        .asString()
        .contains("--xds-cert-file: goes together with xds-key-file");
    given.put("xds-key-file", List.of(directory.resolve("old.pem").toString()));
    assertThat(errors(given, Optional.empty()))
        .singleElement()
        .asString()
        .contains("--xds-key-file: the key in", "old.pem is not that of the first certificate");
    given.put("xds-key-file", List.of(directory.resolve("key.pem").toString()));
    given.remove("xds-client-ca-file");
    assertThat(errors(given, Optional.empty()))
        .singleElement()
        .asString()
        .contains("--xds-peer: needs xds-client-ca-file");
  }

  @Test
  void what_is_wrong_with_the_rules_of_the_gate_is_said_with_the_rest() throws IOException {
    Path gate = Files.writeString(directory.resolve("gate.yaml"), "three: {}\none: {known: 0}\n");
    assertThatThrownBy(
            () ->
                read(
                    Map.of(
                        "service", List.of("one=127.0.0.1:1"),
                        "gate-rules", List.of(gate.toString()),
                        "overloaded-at", List.of("high")),
                    Optional.empty(),
                    Map.of()))
        .isInstanceOfSatisfying(
            InvalidSettings.class,
            e ->
                assertThat(e.errors())
                    .hasSize(3)
                    .anyMatch(error -> error.contains("gate.yaml: three: no such service"))
                    .anyMatch(error -> error.contains("gate.yaml: one: known is not 1 to")));
  }

  @Test
  void the_command_line_overrules_the_file() throws IOException {
    var settings =
        read(
            Map.of("overloaded-at", List.of("0.7")),
            file("service: bolina=127.0.0.1:10000\noverloaded-at: 0.8\n"),
            Map.of());
    assertThat(settings.controlPlane().admission().load().overloadedAt()).isEqualTo(0.7);
  }

  @Test
  void lingering_lasts_as_long_as_a_session_may_unless_told_otherwise() {
    var settings =
        read(
            Map.of(
                "service", List.of("bolina=127.0.0.1:10000"),
                "session-idle-timeout", List.of("3m")));
    assertThat(settings.controlPlane().fleet().linger()).isEqualTo(Duration.ofMinutes(3));
  }

  @Test
  void a_token_in_the_environment_is_used_and_never_shown() {
    var settings = read(ONE_SERVICE, Optional.empty(), Map.of("CONSUL_HTTP_TOKEN", " secret "));
    assertThat(settings.consul().token()).contains("secret");
    assertThat(settings.consul().toString()).doesNotContain("secret");
  }

  @Test
  void every_error_is_reported_with_its_place() throws IOException {
    List<String> errors =
        errors(
            Map.of(
                "linger", List.of("5"),
                "admin", List.of("127.0.0.1:1"),
                "xds", List.of("127.0.0.1:1")),
            file("overlaoded-at: 0.8\nmax-sessions: many\nservice: [a=1.2.3.4:5, b=1.2.3.4:5]\n"));
    String place = directory.resolve("bolina.yaml").toString();
    assertThat(errors)
        .anySatisfy(
            e -> assertThat(e).contains(place, "overlaoded-at", "did you mean 'overloaded-at'"))
        .anySatisfy(
            e -> assertThat(e).contains(place, "max-sessions", "'many' is not a whole number"))
        .anySatisfy(e -> assertThat(e).contains("'a' and 'b' both listen on 1.2.3.4:5"))
        .anySatisfy(e -> assertThat(e).contains("--linger", "'5' is not a time"))
        .anySatisfy(e -> assertThat(e).contains("--admin: xds is 127.0.0.1:1 too"))
        .hasSize(5);
  }

  @Test
  void an_option_is_of_a_service_and_given_once() {
    assertThat(
            errors(
                Map.of(
                    "service", List.of("bolina=127.0.0.1:1"),
                    "hash", List.of("other=none", "bolina=none", "bolina=source-ip"),
                    "health-check", List.of("others=tcp")),
                Optional.empty()))
        .anySatisfy(e -> assertThat(e).contains("hash", "'other' is no service"))
        .anySatisfy(e -> assertThat(e).contains("hash", "'bolina' is given twice"))
        .anySatisfy(e -> assertThat(e).contains("health-check", "'others' is no service"))
        .hasSize(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "service | bolina | is not NAME=HOST:PORT",
        "service | bolina-gate.a=0.0.0.0:1 | begins with what the names of Bolina's own clusters",
        "xds-peer | edge | is not SAN=SERVICE",
        "xds-node-id | all | is none of name, any",
        "hash | bolina=port | 'port' is none of source-ip, none",
        "health-check | bolina | is not KEY=VALUE",
        "health-check | bolina=udp | 'udp' is none of tcp, http",
        "service | bolina=example.com:10000 | is not an IP address",
        "service | bolina=127.0.0.1:0 | port",
        "service | bo/lina=127.0.0.1:1 | is not a service name",
        "consul | ftp://x | is not an address such as",
        "consul-wait | 11m | range 1s to 10m",
        "consul-token-file | /no/such/file | file not found",
        "overloaded-at | 0 | above 0",
        "warning-share | 1.5 | above 0 up to 1",
        "weight-steps | 0.5:75 | no weight for a load of 0",
        "weight-steps | 0:50,0.5:75 | rises",
        "weight-steps | 0:0 | between 1 and 100",
        "session-idle-timeout | 10ms | range 1s to 24h",
        "max-datagram-size | 63 | range 64 to 65507",
        "max-sessions | 0 | range 1 or more",
        "coalesce | 11s | range 0ms to 10s"
      })
  void a_value_out_of_range_is_refused(String key, String value, String reason) {
    assertThat(errors(Map.of(key, List.of(value)), Optional.empty()))
        .anySatisfy(e -> assertThat(e).contains(key).contains(reason == null ? "" : reason));
  }

  @Test
  void a_file_that_is_not_yaml_or_not_there_is_an_error() throws IOException {
    assertThat(errors(ONE_SERVICE, file("a: b: c")).get(0)).contains("bolina.yaml:1", "not YAML");
    assertThat(errors(ONE_SERVICE, file("- a\n- b")).get(0)).contains("key: value");
    assertThat(errors(ONE_SERVICE, Optional.of(directory.resolve("none"))).get(0))
        .contains("file not found");
    assertThat(errors(ONE_SERVICE, file("xds: 1.2.3.4:1\nxds: 1.2.3.4:2")).get(0))
        .contains("bolina.yaml:2: xds: given twice");
  }

  @Test
  void a_linger_below_the_idle_timeout_is_a_warning() {
    SettingValues values =
        values(
            Map.of("service", List.of("bolina=127.0.0.1:10000"), "linger", List.of("1m")),
            Optional.empty(),
            Map.of());
    ControlPlaneConfig.of(values);
    values.throwIfInvalid();
    assertThat(values.warnings())
        .singleElement()
        .asString()
        .startsWith("--linger: 1m is below session-idle-timeout 10m");
  }

  @Test
  void the_example_on_the_page_is_a_configuration() throws Exception {
    makeCertificate();
    String page = Files.readString(Path.of("../docs/configuration.md"));
    String example = page.substring(page.indexOf("```yaml\n") + 8);
    example = example.substring(0, example.indexOf("```"));
    SettingValues read =
        values(
            // The files that the example names are the operator's.
            Map.of(
                "consul-token-file", List.of(file("x").orElseThrow().toString()),
                "consul-ca-file", List.of(file("x").orElseThrow().toString()),
                "xds-cert-file", List.of(directory.resolve("cert.pem").toString()),
                "xds-key-file", List.of(directory.resolve("key.pem").toString()),
                "xds-client-ca-file", List.of(directory.resolve("cert.pem").toString()),
                "state-dir", List.of(directory.toString())),
            Optional.of(Files.writeString(directory.resolve("example.yaml"), example)),
            Map.of());
    assertThat(read.madeOrInvalid(() -> ControlPlaneConfig.of(read)).services()).hasSize(2);
  }
}
