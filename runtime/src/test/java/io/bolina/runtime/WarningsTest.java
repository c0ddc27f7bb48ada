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
  void whoever_makes_subjects_can_neither_flood_the_log_nor_fill_the_memory() {
    Warnings warnings = new Warnings(new SimpleMeterRegistry(), clock);
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(Warnings.class);
    logger.addAppender(log);
    logger.setLevel(Level.WARN);
    try {
      String large = "x".repeat(1_000_000);
      for (int i = 0; i < 5_000; i++) {
        warnings.warn("nack", large.substring(0, 900_000 + i)).log("rejected");
      }
      assertThat(log.list).hasSize(Warnings.AT_ONCE);
      warnings.warn("gate", "other").log("another kind");
      assertThat(log.list).hasSize(Warnings.AT_ONCE + 1);
      now = now.plusSeconds(1);
      warnings.warn("nack", "one more").log("rejected");
      assertThat(log.list.get(Warnings.AT_ONCE + 1).getKeyValuePairs().toString())
          .contains("suppressed-others=\"4900\"");
    } finally {
      logger.detachAppender(log);
    }
  }
}
