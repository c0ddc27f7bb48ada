package io.bolina.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.bolina.registry.Registry;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.runtime.Telemetry;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.RealPart;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** A wrong service name is noticed. */
class ServiceNameIT {
  private static final String PHRASE = "service not found in Consul; check its name";

  @TempDir private Path directory;

  private final Logger logger = (Logger) LoggerFactory.getLogger("io.bolina.registry.consul");
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private RealConsul consul;

  @BeforeEach
  void open() throws Exception {
    log.list = new CopyOnWriteArrayList<>();
    log.start();
    logger.addAppender(log);
    logger.setLevel(Level.WARN);
    consul =
        RealConsul.start(
            RealPart.CONSUL.installed(), directory.resolve("consul"), Optional.empty());
    consul.api().register("bolina", "b-1", "127.0.0.1", 7001);
    consul.api().register("web", "w-1", "127.0.0.1", 7002);
  }

  @AfterEach
  void close() {
    consul.close();
    logger.detachAppender(log);
    logger.setLevel(null);
  }

  private List<ILoggingEvent> warnings() {
    return log.list.stream().filter(line -> line.getMessage().equals(PHRASE)).toList();
  }

  @Test
  void a_service_that_consul_does_not_know_is_reported_once_until_it_was_there() throws Exception {
    ConsulSettings access = ConsulSettings.at(consul.url()).withWait(Duration.ofSeconds(1));
    FleetSettings brief = new FleetSettings(Duration.ZERO, Duration.ZERO, Duration.ZERO);
    try (Registry registry = new ConsulRegistry(access, brief, Telemetry.create());
        Registry.Watch right = registry.watch("bolina", Optional.empty(), fleet -> {});
        Registry.Watch wrong = registry.watch("bolna", Optional.empty(), fleet -> {})) {
      await().until(() -> warnings().size() == 1);
      assertThat(warnings().get(0).getKeyValuePairs().toString())
          .contains("service=\"bolna\"", "similar=\"bolina\"", "known=\"bolina,web\"");

      // An empty answer again, of another index: other services come and go.
      consul.api().register("web", "w-2", "127.0.0.1", 7003);
      consul.api().register("bolna", "b-2", "127.0.0.1", 7004);
      await().until(() -> wrong.current().members().size() == 1);
      assertThat(warnings()).hasSize(1);

      consul.api().deregister("b-2");
      await().until(() -> warnings().size() == 2);
      assertThat(right.current().members()).hasSize(1);
    }
  }
}
