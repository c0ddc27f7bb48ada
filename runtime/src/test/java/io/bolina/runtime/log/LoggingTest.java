package io.bolina.runtime.log;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
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

  @Test
  void what_libraries_log_of_strangers_is_rationed_and_our_lines_are_not() {
    logged(Logging.Format.TEXT);
    written.reset();
    java.util.logging.Logger library = java.util.logging.Logger.getLogger("io.grpc.Something");
    Logger ours = LoggerFactory.getLogger("io.bolina.test.Something");
    long before = System.nanoTime();
    for (int line = 0; line < 1_000; line++) {
      library.log(java.util.logging.Level.SEVERE, "a bad request", new IOException("of a peer"));
      ours.info("one of ours");
    }
    long seconds = Duration.ofNanos(System.nanoTime() - before).toSeconds() + 1;
    List<String> lines = written.toString(StandardCharsets.UTF_8).lines().toList();
    assertThat(lines).filteredOn(line -> line.contains("one of ours")).hasSize(1_000);
    assertThat(lines)
        .filteredOn(line -> line.contains("a bad request"))
        .hasSizeBetween(LibraryLines.AT_ONCE, (int) (LibraryLines.AT_ONCE + seconds));
  }

  @Test
  void what_grpc_says_of_each_stream_that_a_peer_resets_is_not_logged() {
    logged(Logging.Format.TEXT);
    written.reset();
    java.util.logging.Logger.getLogger("io.grpc.netty.shaded.io.grpc.netty.NettyServerHandler")
        .log(java.util.logging.Level.WARNING, "Stream Error", new IOException("of a peer"));
    assertThat(written.toString(StandardCharsets.UTF_8)).isEmpty();
  }
}
