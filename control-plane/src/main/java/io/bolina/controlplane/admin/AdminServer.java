package io.bolina.controlplane.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import io.bolina.controlplane.peers.SightMonitor;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.PagesServer;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Supplier;

/** The admin pages of a control plane over HTTP. */
public final class AdminServer implements AutoCloseable {
  private static final String SETTING = "admin";
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new Jdk8Module())
          .addModule(new JavaTimeModule())
          .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private final PagesServer pages;

  /**
   * @param whyNotReady empty once the first fleet of every service is served
   * @param sight whether this replica sees the registry, as others are told
   */
  public AdminServer(
      HostPort listen,
      Telemetry telemetry,
      Supplier<Optional<String>> whyNotReady,
      Supplier<String> sight,
      Supplier<FleetPage> fleet) {
    pages =
        new PagesServer("Bolina control plane", listen, SETTING)
            .probe("/healthz", "200 while the process works", Optional::empty)
            .probe(
                "/readyz",
                "200 once the first fleet of every service is served, and while Envoys are not given up to another replica",
                whyNotReady)
            .metrics(telemetry)
            .get(
                SightMonitor.PAGE,
                "whether this replica sees the registry, for the others (JSON)",
                context -> context.contentType("application/json").result(sight.get()))
            .get(
                "/fleet",
                "the servers, the decision on each and its reason, and the Envoys (JSON)",
                context -> context.contentType("application/json").result(json(fleet.get())));
  }

  /**
   * Opens the port.
   *
   * @throws IOException if the address cannot be listened on
   */
  public void start() throws IOException {
    pages.start();
  }

  /** Where it listens; after {@link #start}, with the port that the system chose if it was 0. */
  public HostPort address() {
    return pages.address();
  }

  @Override
  public void close() {
    pages.close();
  }

  private static String json(FleetPage page) {
    try {
      return JSON.writeValueAsString(page) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the fleet cannot be written as JSON", e);
    }
  }
}
