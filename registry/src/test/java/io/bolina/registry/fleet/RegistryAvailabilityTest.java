package io.bolina.registry.fleet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.bolina.registry.fleet.RegistryAvailability.Fallback;
import io.bolina.registry.model.Source;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class RegistryAvailabilityTest {
  private static final Source WELL = Source.NEVER_UPDATED.updatedAt(Instant.EPOCH);

  private final Logger logger = (Logger) LoggerFactory.getLogger(RegistryAvailability.class);
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private final RegistryAvailability availability =
      new RegistryAvailability(Optional.of("http://consul:8500"), Duration.ofSeconds(2));

  @BeforeEach
  void listen() {
    log.list = new CopyOnWriteArrayList<>();
    log.start();
    logger.addAppender(log);
    logger.setLevel(Level.INFO);
  }

  @AfterEach
  void stop() {
    logger.detachAppender(log);
    logger.setLevel(null);
  }

  private void fail(String service, String source, Source before, Fallback fallback, String why) {
    availability.update(service, source, before, before.failing(why), () -> fallback);
  }

  private void recover(String service, String source) {
    availability.update(service, source, WELL.failing("x"), WELL, () -> Fallback.LAST_KNOWN);
  }

  /** The lines so far: phrase and what it says of each key. */
  private List<String> lines() {
    return log.list.stream()
        .map(
            event -> {
              Map<String, Object> pairs = new TreeMap<>();
              event.getKeyValuePairs().forEach(pair -> pairs.put(pair.key, pair.value));
              return event.getMessage() + " " + pairs;
            })
        .toList();
  }

  @Test
  void an_outage_that_every_query_notices_is_one_line_and_its_end_another() {
    for (String service : List.of("a", "b")) {
      fail(service, "health", WELL, Fallback.LAST_KNOWN, "refused");
      fail(service, "load", WELL, Fallback.LAST_KNOWN, "refused");
    }
    await().until(() -> !log.list.isEmpty());
    assertThat(lines())
        .containsExactly(
            "registry unavailable; serving last known state"
                + " {reason=refused, service=a,b, source=health,load}");
    recover("a", "load");
    recover("a", "health");
    recover("b", "load");
    recover("b", "health");
    await().until(() -> log.list.size() > 1);
    assertThat(lines().subList(1, 2))
        .containsExactly("registry available again {service=a,b, source=health,load}");
  }

  @Test
  void other_reasons_are_other_lines() {
    fail("a", "health", WELL, Fallback.LAST_KNOWN, "refused");
    fail("a", "load", WELL, Fallback.LAST_KNOWN, "permission denied");
    await().until(() -> log.list.size() == 2);
    assertThat(lines())
        .containsExactly(
            "registry unavailable; serving last known state"
                + " {reason=refused, service=a, source=health}",
            "registry unavailable; serving last known state"
                + " {reason=permission denied, service=a, source=load}");
  }

  @Test
  void the_reason_is_the_last_one_of_the_moment() {
    fail("a", "health", WELL, Fallback.LAST_KNOWN, "connection reset");
    availability.update(
        "a",
        "health",
        WELL.failing("connection reset"),
        WELL.failing("refused"),
        () -> Fallback.LAST_KNOWN);
    fail("a", "load", WELL, Fallback.LAST_KNOWN, "refused");
    await().until(() -> !log.list.isEmpty());
    assertThat(lines()).singleElement().asString().contains("refused").contains("health,load");
  }

  @Test
  void nothing_known_yet_claims_no_last_known_state() {
    fail("a", "health", Source.NEVER_UPDATED, Fallback.NOT_SERVING, "refused");
    fail("a", "gate-orders", Source.NEVER_UPDATED, Fallback.WITHOUT, "refused");
    fail("b", "load", Source.NEVER_UPDATED, Fallback.WITHOUT, "permission denied");
    await().until(() -> log.list.size() == 2);
    assertThat(lines())
        .containsExactly(
            "registry unavailable; nothing known yet, not serving"
                + " {consul=http://consul:8500, reason=refused, service=a, source=gate-orders,health}",
            "registry unavailable; nothing known yet, serving without it"
                + " {reason=permission denied, service=b, source=load}");
  }
}
