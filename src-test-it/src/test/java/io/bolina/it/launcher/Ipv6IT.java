package io.bolina.it.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.server.StandInServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Everything on {@code ::1}: every setting that takes an address takes one in brackets. */
class Ipv6IT {
  private static HostPort six(int port) {
    return new HostPort("::1", port);
  }

  private static BolinaProcess bolina(Sandbox sandbox, String... arguments) throws Exception {
    return sandbox.closed(
        BolinaProcess.start(sandbox.directory().resolve(arguments[0] + ".log"), arguments));
  }

  @Test
  void consul_control_plane_agent_envoy_and_client_on_ipv6_alone() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      Path more =
          Files.writeString(
              sandbox.directory().resolve("six.json"), "{\"client_addr\": \"::1 127.0.0.1\"}");
      RealConsul real =
          sandbox.closed(
              RealConsul.start(
                  RealPart.CONSUL.installed(),
                  sandbox.directory().resolve("consul"),
                  Optional.empty(),
                  Optional.of(more)));
      String consul = "http://" + six(real.url().getPort());
      StandInServer server = sandbox.closed(StandInServer.start("six-1", six(0).socketAddress()));
      HostPort xds = six(FreePort.tcp());
      HostPort admin = six(FreePort.tcp());
      HostPort agent = six(FreePort.tcp());
      HostPort envoyAdmin = six(FreePort.tcp());
      HostPort stats = six(FreePort.tcp());
      HostPort front = six(FreePort.udp());

      BolinaProcess plane =
          bolina(
              sandbox,
              "control-plane",
              "--consul",
              consul,
              "--service",
              "six=" + front,
              "--xds",
              xds.toString(),
              "--admin",
              admin.toString());
      bolina(
          sandbox,
          "agent",
          "--consul",
          consul,
          "--service",
          "six",
          "--id",
          "six-1",
          "--address",
          "::1",
          "--port",
          Integer.toString(server.address().getPort()),
          "--listen",
          agent.toString(),
          "--probe-udp",
          "ping");
      String bolina = Installation.home().resolve("bolina").toString();
      Path bootstrap = sandbox.directory().resolve("six.yaml");
      Files.writeString(
          bootstrap,
          Command.of(
                  bolina,
                  "envoy-bootstrap",
                  "--node-id",
                  "six",
                  "--xds",
                  xds.toString(),
                  "--admin",
                  envoyAdmin.toString(),
                  "--stats",
                  stats.toString())
              .run());
      Child envoy =
          sandbox.closed(
              Child.start(
                  "Envoy six",
                  List.of(
                      RealPart.ENVOY.installed().toString(),
                      "-c",
                      bootstrap.toString(),
                      "--concurrency",
                      "1",
                      "--disable-hot-restart"),
                  Map.of(),
                  sandbox.directory().resolve("six.log")));

      // The control plane is ready, its Envoy connected, a server open, a datagram answered.
      Command.of(
              bolina,
              "smoke",
              "--control-plane",
              "http://" + admin,
              "--service",
              "six",
              "--front",
              front.toString(),
              "--expect",
              "six-1")
          .run();
      assertThat(
              RealEnvoy.serversIn(new AdminPages(envoyAdmin).json("/clusters?format=json"), "six"))
          .containsOnlyKeys(six(server.address().getPort()).toString());
      await().ignoreExceptions().until(() -> new AdminPages(stats).status("/ready") == 200);
      assertThat(new AdminPages(agent).status("/healthz")).isEqualTo(200);
      assertThat(plane.child().isAlive()).isTrue();
      assertThat(envoy.isAlive()).isTrue();
    }
  }
}
