package io.bolina.controlplane.admin;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import io.bolina.controlplane.peers.SightMonitor;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminAccess;
import io.bolina.runtime.http.PageAnswer;
import io.bolina.runtime.http.PageKind;
import io.bolina.runtime.http.PagesServer;
import java.io.ByteArrayOutputStream;
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
          .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
          .build();

  private final PagesServer pages;

  /**
   * @param access who may see the fleet
   * @param whyNotReady empty once the first fleet of every service is served
   * @param sight whether this replica sees the registry, as others are told
   */
  public AdminServer(
      HostPort listen,
      AdminAccess access,
      Telemetry telemetry,
      Supplier<Optional<String>> whyNotReady,
      Supplier<String> sight,
      Supplier<FleetPage> fleet) {
    pages =
        new PagesServer("Bolina control plane", listen, SETTING, telemetry)
            .access(access.on(listen.host()))
            .probe("/healthz", "200 while the process works", Optional::empty)
            .probe(
                "/readyz",
                "200 once the first fleet of every service is served, and while Envoys are not given up to another replica",
                whyNotReady)
            .metrics()
            .get(
                SightMonitor.PAGE,
                PageKind.PROBE,
                "whether this replica sees the registry, for the others (JSON)",
                request -> PageAnswer.json(sight.get()))
            .get(
                "/fleet",
                PageKind.LARGE,
                "the servers, the decision on each and its reason, and the Envoys (JSON)",
                request -> PageAnswer.json(json(fleet.get())));
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

  private static byte[] json(FleetPage page) {
    try (ByteArrayOutputStream out = new ByteArrayOutputStream()) {
      JSON.writeValue(out, page);
      out.write('\n');
      return out.toByteArray();
    } catch (IOException e) {
      throw new IllegalStateException("the fleet cannot be written as JSON", e);
    }
  }
}
