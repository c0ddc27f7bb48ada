package io.bolina.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class WarningsTest {
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  private final Clock clock =
      new Clock() {
        @Override
        public Instant instant() {
          return now;
        }

        @Override
        public ZoneId getZone() {
          return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
          return this;
        }
      };

  @Test
  void everything_is_counted_and_the_same_is_said_once_in_five_minutes() {
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    Warnings warnings = new Warnings(meters, clock);
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(Warnings.class);
    logger.addAppender(log);
    logger.setLevel(Level.WARN);
    try {
      for (int i = 0; i < 100; i++) {
        warnings.warn("load-entry", "b-1").addKeyValue("id", "b-1").log("entry ignored");
      }
      warnings.warn("load-entry", "b-2").addKeyValue("id", "b-2").log("entry ignored");
      assertThat(log.list).hasSize(2);
      now = now.plus(Duration.ofMinutes(5));
      warnings.warn("load-entry", "b-1").addKeyValue("id", "b-1").log("entry ignored");
      assertThat(log.list).hasSize(3);
      assertThat(log.list.get(2).getFormattedMessage()).isEqualTo("entry ignored");
      assertThat(log.list.get(2).getKeyValuePairs().toString())
          .contains("kind=\"load-entry\"", "suppressed=\"99\"", "id=\"b-1\"");
      assertThat(meters.counter("bolina.bad.input", "kind", "load-entry").count()).isEqualTo(102);
    } finally {
      logger.detachAppender(log);
      logger.setLevel(null);
    }
  }

  @Test
  void many_subjects_of_one_kind_fill_no_log_and_hide_no_other_kind() {
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    Warnings warnings = new Warnings(meters, clock);
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(Warnings.class);
    logger.addAppender(log);
    logger.setLevel(Level.WARN);
    try {
      for (int i = 0; i < 1_000; i++) {
        warnings.warn("load-entry", "b-" + i).log("entry ignored");
      }
      assertThat(log.list).hasSize(Warnings.LINES_A_MINUTE);
      warnings.warn("nack", "edge-1").log("rejected");
      assertThat(log.list).hasSize(Warnings.LINES_A_MINUTE + 1);
      now = now.plus(Duration.ofMinutes(1));
      warnings.warn("load-entry", "b-2000").log("entry ignored");
      assertThat(log.list.get(Warnings.LINES_A_MINUTE + 1).getKeyValuePairs().toString())
          .contains("suppressed=\"" + (1_000 - Warnings.LINES_A_MINUTE) + "\"");
      assertThat(meters.counter("bolina.bad.input", "kind", "load-entry").count()).isEqualTo(1_001);
    } finally {
      logger.detachAppender(log);
      logger.setLevel(null);
    }
  }
}
