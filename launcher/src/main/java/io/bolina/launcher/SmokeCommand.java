package io.bolina.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.runtime.AdminClient;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.HostPort;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bolina smoke}: whether an installation works, seen from outside. */
@Command(
    name = "smoke",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Looks whether an installation works: the control plane is ready, an Envoy is connected, a server is open, and a datagram sent",
      "to an Envoy is answered. It waits for each, since what was just installed takes its time.",
      ""
    },
    footer = {
      "",
      "Exit status: 0 it works, 1 it does not; what is missing is said.",
      "",
      "Example:",
      "  bolina smoke --control-plane http://127.0.0.1:18080 --service bolina --front 127.0.0.1:10000 --payload hello"
    })
final class SmokeCommand implements Callable<Integer> {
  private static final int LARGEST_DATAGRAM = 65_535;
  private static final JsonMapper JSON = new JsonMapper();

  @Option(
      names = "--control-plane",
      paramLabel = "URL",
      defaultValue = "http://127.0.0.1:18080",
      description =
          "The control plane's admin address; all replicas, if its name has several addresses. Default: ${DEFAULT-VALUE}.")
  private URI controlPlane;

  @Option(
      names = "--service",
      paramLabel = "NAME",
      required = true,
      description = "The Consul service.")
  private String service;

  @Option(
      names = "--envoys",
      paramLabel = "N",
      defaultValue = "1",
      description = "How many Envoys are to be connected. Default: ${DEFAULT-VALUE}.")
  private int envoys;

  @Option(
      names = "--front",
      paramLabel = "HOST:PORT",
      converter = EnvoyBootstrapCommand.AsHostPort.class,
      description = "Where an Envoy listens for clients (UDP). Without it no datagram is sent.")
  private HostPort front;

  @Option(
      names = "--payload",
      paramLabel = "TEXT",
      defaultValue = "bolina smoke",
      description = "A datagram that servers answer.")
  private String payload;

  @Option(
      names = "--expect",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "What the answer must contain. Default: anything.")
  private String expected;

  @Option(
      names = "--patience",
      paramLabel = "TIME",
      defaultValue = "2m",
      converter = AsTime.class,
      description = "How long to wait in all. Default: ${DEFAULT-VALUE}.")
  private Duration patience;

  @Spec private CommandSpec spec;

  /** One thing to look at: nothing if it is well, or what is wrong. */
  private interface Look {
    Optional<String> problem() throws IOException, InterruptedException;
  }

  @Override
  public Integer call() throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    boolean well =
        wait("the control plane is ready", this::ready, end)
            && wait("Envoys are connected", this::connected, end)
            && wait("a server is open to new clients", this::open, end)
            && (front == null || wait("a datagram is answered", this::answered, end));
    return well ? ExitStatus.OK : ExitStatus.FAILED;
  }

  private boolean wait(String what, Look look, long end) throws InterruptedException {
    while (true) {
      Optional<String> problem;
      try {
        problem = look.problem();
      } catch (IOException e) {
        problem = Optional.of(String.valueOf(e.getMessage()));
      }
      if (problem.isEmpty() || System.nanoTime() > end) {
        spec.commandLine()
            .getOut()
            .println(problem.map(p -> "FAIL  " + what + ": " + p).orElse("ok    " + what));
        spec.commandLine().getOut().flush();
        return problem.isEmpty();
      }
      Thread.sleep(500);
    }
  }

  private Optional<String> ready() throws IOException, InterruptedException {
    for (URI replica : replicas()) {
      HttpResponse<String> answer = ask(replica, "/readyz");
      if (answer.statusCode() != 200) {
        return Optional.of(replica + " is not: " + answer.body().strip());
      }
    }
    return Optional.empty();
  }

  private Optional<String> connected() throws IOException, InterruptedException {
    int connected = 0;
    for (URI replica : replicas()) {
      connected += fleet(replica).path("envoys").size();
    }
    return connected >= envoys
        ? Optional.empty()
        : Optional.of(connected + " of " + envoys + "; the others' logs say why");
  }

  private Optional<String> open() throws IOException, InterruptedException {
    for (JsonNode one : fleet(replicas().get(0)).path("services")) {
      if (one.path("service").asText().equals(service)) {
        return one.path("open").asLong() > 0
            ? Optional.empty()
            : Optional.of(
                "none of "
                    + one.path("servers").size()
                    + "; /fleet says of each why. Do the agents reach Consul?");
      }
    }
    return Optional.of("the control plane does not serve " + service);
  }

  private Optional<String> answered() throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      byte[] datagram = payload.getBytes(StandardCharsets.UTF_8);
      socket.connect(new InetSocketAddress(front.host(), front.port()));
      socket.setSoTimeout(2_000);
      socket.send(new DatagramPacket(datagram, datagram.length));
      DatagramPacket answer = new DatagramPacket(new byte[LARGEST_DATAGRAM], LARGEST_DATAGRAM);
      socket.receive(answer);
      String text =
          new String(answer.getData(), 0, answer.getLength(), StandardCharsets.ISO_8859_1);
      return text.contains(expected)
          ? Optional.empty()
          : Optional.of("it is '" + text + "', without '" + expected + "'");
    } catch (IOException e) {
      throw new IOException("no answer from " + front + ": " + e.getMessage(), e);
    }
  }

  /** All that the name stands for: an Envoy is connected to one of them. */
  private List<URI> replicas() throws IOException {
    List<URI> replicas = new ArrayList<>();
    try {
      for (InetAddress address : InetAddress.getAllByName(controlPlane.getHost())) {
        replicas.add(
            new URI(
                controlPlane.getScheme(),
                null,
                address.getHostAddress(),
                controlPlane.getPort(),
                null,
                null,
                null));
      }
    } catch (UnknownHostException | URISyntaxException e) {
      throw new IOException(
          "--control-plane " + controlPlane + " is not found (no DNS, or none is ready)", e);
    }
    return replicas;
  }

  private static JsonNode fleet(URI replica) throws IOException, InterruptedException {
    return JSON.readTree(ask(replica, "/fleet").body());
  }

  private static HttpResponse<String> ask(URI replica, String path)
      throws IOException, InterruptedException {
    return new AdminClient("control plane", replica, "--control-plane").ask("GET", path, "");
  }
}
