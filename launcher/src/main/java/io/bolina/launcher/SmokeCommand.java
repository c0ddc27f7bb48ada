package io.bolina.launcher;

import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.registry.model.Server;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.FailureReason;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import picocli.CommandLine.Command;

/** {@code bolina smoke}: whether an installation works, seen from outside. */
@Command(
    name = "smoke",
    description = {
      "Tests whether an installation works.",
      "The control plane is ready, an Envoy is connected, a server is open, and a datagram sent to an Envoy is answered. Waits for"
          + " each, since what was just installed takes its time.",
      ""
    },
    footer = {
      "",
      "Exit status: 0 it works, 1 it does not; what is missing is printed.",
      "",
      "Example:",
      "  bolina smoke --control-plane http://127.0.0.1:18080 --service bolina --front 127.0.0.1:10000 --payload hello"
    })
final class SmokeCommand extends ConfiguredCommand<SettingMap> {
  private static final int LARGEST_DATAGRAM = 65_535;

  private static final Setting<URI> CONTROL_PLANE =
      Setting.of("control-plane", SettingType.url("http://127.0.0.1:18080"))
          .standard("http://" + ControlPlaneConfig.ADMIN.standardInWords())
          .help(
              "The control plane's admin address; all replicas, if its name has several addresses.");

  private static final Setting<Integer> ENVOYS =
      Setting.of("envoys", SettingType.whole("N", 0, Integer.MAX_VALUE))
          .standard("1")
          .help("How many Envoys must be connected.");

  private static final Setting<HostPort> FRONT =
      Setting.of("front", SettingType.hostPort())
          .help("Where an Envoy listens for clients (UDP). Without it no datagram is sent.");

  private static final Setting<String> PAYLOAD =
      Setting.of("payload", SettingType.of("TEXT", text -> text))
          .standard("bolina smoke")
          .help("A datagram that servers answer.");

  private static final Setting<String> EXPECT =
      Setting.of("expect", SettingType.of("TEXT", text -> text))
          .standard("")
          .help("What the answer must contain.");

  private static final Setting<Duration> PATIENCE =
      Setting.of("patience", SettingType.time()).standard("2m").help("How long to wait in all.");

  private SettingMap settings = SettingMap.DEFAULTS;

  /** One check: empty if it passes, otherwise what is wrong. */
  private interface Check {
    Optional<String> problem() throws IOException, InterruptedException;
  }

  @Override
  public List<Setting<?>> settings() {
    return List.of(CONTROL_PLANE, Server.SERVICE, ENVOYS, FRONT, PAYLOAD, EXPECT, PATIENCE);
  }

  @Override
  protected SettingMap configure(SettingValues values) {
    return values.toMap();
  }

  @Override
  protected int run(SettingMap given) throws InterruptedException {
    settings = given;
    Optional<HostPort> front = given.find(FRONT);
    long end = System.nanoTime() + given.get(PATIENCE).toNanos();
    boolean works =
        wait("the control plane is ready", this::ready, end)
            && wait("Envoys are connected", this::connected, end)
            && wait("a server is open to new clients", this::open, end)
            && (front.isEmpty()
                || wait("a datagram is answered", () -> answered(front.get()), end));
    return works ? ExitStatus.OK : ExitStatus.FAILED;
  }

  private boolean wait(String what, Check check, long end) throws InterruptedException {
    while (true) {
      Optional<String> problem;
      try {
        problem = check.problem();
      } catch (IOException e) {
        problem = Optional.of(FailureReason.of(e));
      }
      if (problem.isEmpty() || System.nanoTime() > end) {
        out().println(problem.map(p -> "FAIL  " + what + ": " + p).orElse("ok    " + what));
        out().flush();
        return problem.isEmpty();
      }
      Thread.sleep(500);
    }
  }

  private Optional<String> ready() throws IOException, InterruptedException {
    for (URI replica : replicas()) {
      AdminAnswer answer = ask(replica, "/readyz");
      if (answer.statusCode() != 200) {
        return Optional.of(replica + " is not: " + answer.body().strip());
      }
    }
    return Optional.empty();
  }

  private Optional<String> connected() throws IOException, InterruptedException {
    long connected = 0;
    for (URI replica : replicas()) {
      connected += metric(replica, "bolina_xds_streams", "").orElse(0);
    }
    return connected >= settings.get(ENVOYS)
        ? Optional.empty()
        : Optional.of(connected + " of " + settings.get(ENVOYS) + "; see the logs of the others");
  }

  private Optional<String> open() throws IOException, InterruptedException {
    String ofService = "service=\"" + settings.get(Server.SERVICE) + "\"";
    URI replica = replicas().get(0);
    OptionalLong all = metric(replica, "bolina_servers", ofService);
    if (all.isEmpty()) {
      return Optional.of("the control plane does not serve " + settings.get(Server.SERVICE));
    }
    long open = metric(replica, "bolina_servers", ofService + ",status=\"open\"").orElse(0);
    return open > 0
        ? Optional.empty()
        : Optional.of(
            "none of "
                + all.getAsLong()
                + "; /fleet shows the reason of each. Can the agents reach Consul?");
  }

  /**
   * The sum of a metric's values that have some labels, which everybody may read as {@code /fleet}
   * may not be; empty if there is none.
   */
  private static OptionalLong metric(URI replica, String name, String labels)
      throws IOException, InterruptedException {
    List<Double> values =
        ask(replica, "/metrics")
            .body()
            .lines()
            .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
            .filter(line -> line.contains(labels))
            .map(line -> Double.valueOf(line.substring(line.lastIndexOf(' ') + 1)))
            .toList();
    return values.isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(values.stream().mapToLong(Double::longValue).sum());
  }

  private Optional<String> answered(HostPort front) throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      byte[] datagram = settings.get(PAYLOAD).getBytes(StandardCharsets.UTF_8);
      socket.connect(new InetSocketAddress(front.host(), front.port()));
      socket.setSoTimeout(2_000);
      socket.send(new DatagramPacket(datagram, datagram.length));
      DatagramPacket answer = new DatagramPacket(new byte[LARGEST_DATAGRAM], LARGEST_DATAGRAM);
      socket.receive(answer);
      String text =
          new String(answer.getData(), 0, answer.getLength(), StandardCharsets.ISO_8859_1);
      String expected = settings.get(EXPECT);
      return text.contains(expected)
          ? Optional.empty()
          : Optional.of("it is '" + text + "', without '" + expected + "'");
    } catch (IOException e) {
      throw new IOException("no answer from " + front + ": " + FailureReason.of(e), e);
    }
  }

  /** All addresses of the name: an Envoy is connected to one of them. */
  private List<URI> replicas() throws IOException {
    URI controlPlane = settings.get(CONTROL_PLANE);
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

  private static AdminAnswer ask(URI replica, String path)
      throws IOException, InterruptedException {
    return new AdminClient("control plane", replica, "--control-plane").ask("GET", path, "");
  }
}
