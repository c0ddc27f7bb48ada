package io.bolina.runtime.setting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingValuesTest {
  private static final Setting<Duration> TIME =
      Setting.of("some-time", SettingType.time("1s", "1h")).standard("10s").help("A time.");
  private static final Setting<String> NAME =
      Setting.of("name", SettingType.text("NAME")).required().help("A name.");
  private static final Setting<String> ITEM =
      Setting.of("item", SettingType.text("ITEM")).repeatable().help("Items.");
  private static final Setting<Map.Entry<String, String>> META =
      Setting.of("meta", SettingType.pair()).repeatable().help("Metadata.");
  private static final Setting<Integer> PORT =
      Setting.of("port", SettingType.whole("PORT", 1, 65_535))
          .environment("OTHER_PORT")
          .help("A port.");
  private static final Setting<String> SECRET =
      Setting.of("token", SettingType.text("TOKEN")).secret("THE_TOKEN").help("A secret.");
  private static final List<Setting<?>> ALL = List.of(TIME, NAME, ITEM, META, PORT, SECRET);

  @TempDir private Path directory;

  private Optional<Path> file(String yaml) throws IOException {
    return Optional.of(Files.writeString(directory.resolve("x.yaml"), yaml));
  }

  private static List<String> errors(SettingValues values) {
    return catchThrowableOfType(InvalidSettings.class, values::throwIfInvalid).errors();
  }

  @Test
  void the_command_line_goes_before_the_environment_before_the_file_before_the_default()
      throws IOException {
    Optional<Path> file = file("some-time: 1m\nname: file\n");
    Map<String, String> environment = Map.of("BOLINA_SOME_TIME", "2m", "BOLINA_NAME", "env");
    Map<String, List<String>> commandLine = Map.of("some-time", List.of("3m"));

    SettingValues all = SettingValues.read(ALL, commandLine, file, environment);
    assertThat(all.get(TIME)).isEqualTo(Duration.ofMinutes(3));
    assertThat(all.where(TIME)).isEqualTo("--some-time");
    assertThat(all.get(NAME)).isEqualTo("env");
    assertThat(all.where(NAME)).isEqualTo("BOLINA_NAME");

    SettingValues fromFile = SettingValues.read(ALL, Map.of(), file, Map.of());
    assertThat(fromFile.get(TIME)).isEqualTo(Duration.ofMinutes(1));
    assertThat(fromFile.where(NAME)).isEqualTo(file.orElseThrow() + ":2: name");

    SettingValues none = SettingValues.read(ALL, Map.of(), Optional.empty(), Map.of());
    assertThat(none.get(TIME)).isEqualTo(Duration.ofSeconds(10));
  }

  @Test
  void every_error_is_reported_with_its_place() throws IOException {
    SettingValues values =
        SettingValues.read(
            ALL,
            Map.of("item", List.of("a", " ")),
            file("some-tiem: 1m\nsome-time: 2h\nmeta: nothing\nport: [1, 2]\n"),
            Map.of("OTHER_PORT", "tcp://10.0.0.1:7001"));
    String place = directory.resolve("x.yaml").toString();
    assertThat(errors(values))
        .containsExactlyInAnyOrder(
            place + ":1: some-tiem: no such setting; did you mean 'some-time'?",
            place + ":4: port: expected PORT",
            place + ":2: some-time: '2h' is not in the range 1s to 1h",
            "name: missing; give --name NAME",
            "--item: is empty",
            place + ":3: meta: 'nothing' is not KEY=VALUE",
            "OTHER_PORT: 'tcp://10.0.0.1:7001' is not a whole number");
  }

  @Test
  void a_variable_that_kubernetes_sets_for_a_service_is_explained() {
    SettingValues values =
        SettingValues.read(
            ALL, Map.of(), Optional.empty(), Map.of("BOLINA_PORT", "udp://10.0.0.1:7001"));
    assertThat(errors(values))
        .anySatisfy(e -> assertThat(e).contains("BOLINA_PORT", "enableServiceLinks: false"));
  }

  @Test
  void lists_and_maps_of_yaml_are_values_of_a_repeatable_setting() throws IOException {
    SettingValues values =
        SettingValues.read(
            ALL, Map.of(), file("name: n\nitem: [a, b]\nmeta: {x: 1, y: z=2}\n"), Map.of());
    assertThat(values.all(ITEM)).containsExactly("a", "b");
    assertThat(values.all(META)).containsExactly(Map.entry("x", "1"), Map.entry("y", "z=2"));
    values.throwIfInvalid();
  }

  @Test
  void a_secret_is_only_in_the_environment() throws IOException {
    SettingValues values =
        SettingValues.read(
            ALL, Map.of(), file("name: n\ntoken: secret\n"), Map.of("THE_TOKEN", "secret"));
    assertThat(values.get(SECRET)).isEqualTo("secret");
    assertThat(errors(values)).singleElement().asString().contains("token: no such setting");
  }

  @Test
  void what_does_not_fit_together_is_an_error_where_it_was_given() throws IOException {
    SettingValues values = SettingValues.read(ALL, Map.of(), file("name: n\nport: 7\n"), Map.of());
    Optional<Object> made =
        values.made(
            () -> {
              throw new IllegalArgumentException("port: is taken");
            });
    assertThat(made).isEmpty();
    assertThat(errors(values)).containsExactly(directory.resolve("x.yaml") + ":2: port: is taken");
  }

  @Test
  void nothing_is_made_of_a_value_that_is_wrong_and_it_is_reported_once() {
    SettingValues values =
        SettingValues.read(
            ALL,
            Map.of("some-time", List.of("soon"), "name", List.of("n")),
            Optional.empty(),
            Map.of());
    assertThat(values.made(() -> values.get(TIME).plusSeconds(1))).isEmpty();
    assertThat(errors(values)).hasSize(1);
  }

  @Test
  void a_file_that_cannot_be_used_is_an_error() throws IOException {
    Map<String, List<String>> name = Map.of("name", List.of("n"));
    assertThat(errors(SettingValues.read(ALL, name, file("a: b: c"), Map.of())).get(0))
        .contains("x.yaml:1: not YAML");
    assertThat(errors(SettingValues.read(ALL, name, file("- a\n"), Map.of())).get(0))
        .contains("not a list of 'key: value' lines");
    Optional<Path> none = Optional.of(directory.resolve("none"));
    assertThat(errors(SettingValues.read(ALL, name, none, Map.of())).get(0))
        .endsWith("none: file not found");
    SettingValues.read(ALL, name, file(""), Map.of()).throwIfInvalid();
    SettingValues.read(ALL, name, file("# nothing\n"), Map.of()).throwIfInvalid();
  }

  @Test
  void a_time_is_written_as_it_is_read() {
    for (String text : List.of("0s", "1ms", "1500ms", "10s", "90s", "2m", "1h", "36h")) {
      assertThat(SettingType.written(SettingType.duration(text))).isEqualTo(text);
    }
  }

  @Test
  void what_was_given_is_not_shown_as_a_whole() {
    Map<String, List<String>> name = Map.of("name", List.of("n"));
    Map<String, String> environment = Map.of("THE_TOKEN", "s3cret");
    SettingValues values = SettingValues.read(ALL, name, Optional.empty(), environment);
    assertThat(values.toMap().get(SECRET)).isEqualTo("s3cret");
    assertThat(values.toMap()).hasToString("settings given: [name, token]");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "http://host:1/path http://host:1/path",
        "http://u:p@host …://…@host",
        "u:p@host …@host",
        "http://u:p@q@host/ …://…@host/",
        "host?token=t host…",
        "http://u:p@host#t …://…@host…",
        "http://u:p?q@host …://…",
        "http://host?t=@q …://…",
        "not-a-scheme:u:p@x://y …@x://y"
      })
  void no_login_and_no_query_of_an_address_is_shown(String text, String shown) {
    assertThat(ShownUrl.of(text)).isEqualTo(shown.replace("…://", "http://"));
    Setting<URI> url = Setting.of("url", SettingType.url("http://x")).help("A URL.");
    Map<String, List<String>> wrong = Map.of("url", List.of(text + " ^"));
    assertThat(errors(SettingValues.read(List.of(url), wrong, Optional.empty(), Map.of())))
        .singleElement()
        .asString()
        .startsWith("--url: '" + ShownUrl.of(text + " ^") + "' is not a URL such as http://x");
  }

  @Test
  void a_password_with_a_line_end_is_not_shown() {
    assertThat(ShownUrl.of("http://u:p\nq@host")).isEqualTo("http://…@host");
    assertThat(ShownUrl.of("http://host?a\nb")).isEqualTo("http://host…");
  }
}
