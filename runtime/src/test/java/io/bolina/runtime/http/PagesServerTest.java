package io.bolina.runtime.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.ListenFailed;
import io.bolina.runtime.Telemetry;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PagesServerTest {
  private static AdminAnswer get(PagesServer pages, String path) throws Exception {
    return new AdminClient("server", URI.create("http://" + pages.address()), "admin")
        .ask("GET", path, "");
  }

  private static PagesServer server(HostPort at) {
    return new PagesServer("x", at, "admin", Telemetry.create());
  }

  @Test
  void the_index_lists_every_page_and_probes_give_the_reason() throws Exception {
    try (PagesServer pages =
        new PagesServer("Bolina test", HostPort.parse("127.0.0.1:0"), "admin", Telemetry.create())
            .probe("/healthz", "200 while it works", Optional::empty)
            .probe("/readyz", "200 once it serves", () -> Optional.of("no fleet yet"))
            .metrics()) {
      pages.start();
      assertThat(get(pages, "/").body())
          .isEqualTo(
              """
              Bolina test
                GET  /healthz  200 while it works
                GET  /readyz   200 once it serves
                GET  /metrics  metrics for Prometheus
              """);
      assertThat(get(pages, "/healthz").statusCode()).isEqualTo(200);
      assertThat(get(pages, "/readyz").statusCode()).isEqualTo(503);
      assertThat(get(pages, "/readyz").body()).isEqualTo("no fleet yet\n");
      assertThat(get(pages, "/metrics").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void an_address_that_cannot_be_listened_on_is_explained() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      HostPort at = new HostPort("127.0.0.1", taken.getLocalPort());
      assertThatThrownBy(() -> server(at).start())
          .isInstanceOf(ListenFailed.class)
          .hasMessage(
              "admin: cannot listen on "
                  + at
                  + ": address already in use; stop the other process, or choose another port");
    }
    assertThatThrownBy(() -> server(HostPort.parse("nohost.invalid:1")).start())
        .hasMessage("admin: cannot listen on nohost.invalid:1: the host name cannot be resolved");
    assertThatThrownBy(() -> server(HostPort.parse("192.0.2.1:0")).start())
        .hasMessage("admin: cannot listen on 192.0.2.1:0: it is not an address of this host");
  }
}
