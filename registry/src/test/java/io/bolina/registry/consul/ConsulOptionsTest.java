package io.bolina.registry.consul;

import static io.bolina.runtime.setting.Setting.concat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.bolina.runtime.setting.InvalidSettings;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConsulOptionsTest {
  private static final List<Setting<?>> ALL =
      concat(ConsulOptions.TO_REACH, ConsulOptions.TO_WATCH);

  @TempDir private Path directory;

  private static ConsulSettings read(Map<String, String> environment) {
    SettingValues values = SettingValues.read(ALL, Map.of(), Optional.empty(), environment);
    return values.madeOrInvalid(() -> ConsulOptions.toWatch(values));
  }

  private static List<String> errors(Map<String, String> environment) {
    return catchThrowableOfType(InvalidSettings.class, () -> read(environment)).errors();
  }

  /** As Consul's own command line reads it. */
  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:8500, false, http://127.0.0.1:8500",
    "127.0.0.1:8501, true, https://127.0.0.1:8501",
    "127.0.0.1, false, http://127.0.0.1:8500",
    "consul.service, true, https://consul.service:8500",
    "[::1]:8500, false, http://[::1]:8500",
    "http://127.0.0.1:8500, true, http://127.0.0.1:8500",
    "https://consul:8501/prefix, false, https://consul:8501/prefix",
  })
  void the_address_may_have_a_scheme_or_not(String address, String ssl, String url) {
    ConsulSettings settings = read(Map.of("CONSUL_HTTP_ADDR", address, "CONSUL_HTTP_SSL", ssl));
    assertThat(settings.url()).hasToString(url);
  }

  @Test
  void consuls_own_variables_are_read() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "from-file\n");
    ConsulSettings settings =
        read(
            Map.of(
                "CONSUL_HTTP_TOKEN", "from-variable",
                "CONSUL_HTTP_TOKEN_FILE", file.toString(),
                "CONSUL_TLS_SERVER_NAME", "server.dc1.consul"));
    assertThat(settings.token()).contains("from-file");
    assertThat(settings.tlsServerName()).contains("server.dc1.consul");
    assertThat(read(Map.of("CONSUL_HTTP_TOKEN", " secret ")).token()).contains("secret");
  }

  @Test
  void bolinas_variable_goes_before_consuls() {
    ConsulSettings settings =
        read(Map.of("CONSUL_HTTP_ADDR", "10.0.0.1:8500", "BOLINA_CONSUL", "10.0.0.2:8500"));
    assertThat(settings.url()).hasToString("http://10.0.0.2:8500");
  }

  @Test
  void an_error_names_the_variable_or_the_setting() throws IOException {
    Path empty = Files.createFile(directory.resolve("empty"));
    assertThat(errors(Map.of("CONSUL_HTTP_TOKEN_FILE", empty.toString())))
        .containsExactly("CONSUL_HTTP_TOKEN_FILE: the file is empty: " + empty);
    Path marked = Files.writeString(directory.resolve("marked"), "\uFEFFs3cret\n");
    assertThat(errors(Map.of("CONSUL_HTTP_TOKEN_FILE", marked.toString())))
        .containsExactly(
            "CONSUL_HTTP_TOKEN_FILE: the file does not hold a token and nothing else: " + marked);
    assertThat(errors(Map.of("CONSUL_HTTP_TOKEN", "s3 cret")))
        .singleElement()
        .asString()
        .startsWith("CONSUL_HTTP_TOKEN: is not a token")
        .doesNotContain("s3");
    assertThat(errors(Map.of("CONSUL_HTTP_ADDR", "unix:///run/consul.sock")))
        .singleElement()
        .asString()
        .startsWith("CONSUL_HTTP_ADDR: Unix sockets are not supported");
    assertThat(errors(Map.of("CONSUL_CACERT", "/no/such")))
        .containsExactly("CONSUL_CACERT: file not found: /no/such");
    assertThat(errors(Map.of("CONSUL_CACERT", empty.toString())))
        .singleElement()
        .asString()
        .startsWith("CONSUL_CACERT: ")
        .contains("no readable certificates");
    assertThat(errors(Map.of("CONSUL_CLIENT_CERT", empty.toString())))
        .singleElement()
        .asString()
        .contains("goes together with consul-client-key-file");
    assertThat(errors(Map.of("CONSUL_HTTP_SSL", "maybe")))
        .containsExactly("CONSUL_HTTP_SSL: 'maybe' is not true or false");
  }

  @Test
  void a_user_and_password_in_the_address_are_not_shown() {
    ConsulSettings settings = read(Map.of("CONSUL_HTTP_ADDR", "https://ann:s3cret@consul:8501/p"));
    assertThat(settings.url()).hasToString("https://consul:8501/p");
    assertThat(settings.login()).contains("ann:s3cret");
    for (String wrong :
        List.of(
            "ftp://ann:s3cret@consul",
            "http://ann:s3cret@con sul",
            "http://ann:s3@cret@consul:x",
            "http://consul:8500/?token=s3cret",
            "unix://ann:s3cret@/run/consul",
            // What ends an address or a line may stand in a password.
            "http://ann:s3?cret@consul",
            "http://ann:s3#cret@consul",
            "http://ann:s3\ncret@consul",
            "h2c://ann:s3cret@consul",
            "http://consul?token=@s3cret",
            "http://consul?\ntoken=s3cret")) {
      assertThat(errors(Map.of("CONSUL_HTTP_ADDR", wrong)))
          .singleElement()
          .asString()
          .startsWith("CONSUL_HTTP_ADDR: ")
          .doesNotContain("s3")
          .doesNotContain("cret")
          .doesNotContain("ann");
    }
  }

  @Test
  void the_bounds_of_an_answer_are_those_that_are_set() {
    ConsulSettings settings =
        read(Map.of("BOLINA_CONSUL_MAX_ANSWER", "70000", "BOLINA_CONSUL_MAX_ENTRIES", "7"));
    assertThat(settings.limits()).isEqualTo(new AnswerLimits(70_000, 7));
    assertThat(read(Map.of()).limits()).isEqualTo(new AnswerLimits(33_554_432, 20_000));
  }
}
