package io.bolina.runtime.log;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

class LoggingTest {
  private final PrintStream standardError = System.err;
  private final ByteArrayOutputStream written = new ByteArrayOutputStream();

  /** Keeps something from its text. */
  public record Access(String url, Optional<String> token) {
    @Override
    public String toString() {
      return url;
    }
  }

  @AfterEach
  void restore() {
    System.setErr(standardError);
    Logging.toStandardError(Level.INFO, Logging.Format.TEXT);
  }

  private String logged(Logging.Format format) {
    System.setErr(new PrintStream(written, true, StandardCharsets.UTF_8));
    Logging.toStandardError(Level.INFO, format);
    Logger log = LoggerFactory.getLogger("io.bolina.test.Something");
    log.atInfo()
        .addKeyValue("consul", new Access("http://c:8500", Optional.of("s3cret")))
        .addKeyValue("current", 3)
        .addKeyValue("reason", "it is \"full\"")
        .log("desired replicas changed");
    log.debug("not at this level");
    return written.toString(StandardCharsets.UTF_8);
  }

  @Test
  void a_line_of_text_is_a_phrase_and_key_value() {
    assertThat(logged(Logging.Format.TEXT))
        .endsWith(
            " INFO  Something - desired replicas changed consul=http://c:8500 current=3 reason=\"it is \\\"full\\\"\"\n");
  }

  @Test
  void a_line_of_json_has_the_same_values_and_no_secret() throws Exception {
    String line = logged(Logging.Format.JSON);
    assertThat(line).doesNotContain("s3cret").containsOnlyOnce("\n");
    JsonNode json = new JsonMapper().readTree(line);
    assertThat(json.path("message").asText()).isEqualTo("desired replicas changed");
    assertThat(json.path("level").asText()).isEqualTo("INFO");
    assertThat(json.path("consul").asText()).isEqualTo("http://c:8500");
    assertThat(json.path("current").isInt()).isTrue();
    assertThat(json.path("reason").asText()).isEqualTo("it is \"full\"");
    assertThat(json.path("time").asText()).matches("\\d{4}-.*T.*");
  }
}
