package io.bolina.it.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.runtime.Installation;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.tls.TestAuthority;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line, as its users meet it. */
class LauncherIT {
  @TempDir private Path directory;

  private static Command.Ended run(String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(List.of(Installation.home().resolve("bolina").toString()));
    command.addAll(Arrays.asList(arguments));
    return Command.of(command).errorsApart().end();
  }

  @Test
  void help_names_every_command_and_setting() throws Exception {
    assertThat(run("--help").out())
        .contains(
            "control-plane",
            "envoy-bootstrap",
            "agent",
            "watcher",
            "server",
            "demo",
            "Exit status");
    assertThat(run("control-plane", "--help").out())
        .contains("--service=NAME=HOST:PORT", "--state-dir", "--overloaded-at", "Default: 0.9");
  }

  @Test
  void a_watcher_says_what_is_wrong_with_its_settings() throws Exception {
    Command.Ended nothing = run("watcher");
    assertThat(nothing.status()).isEqualTo(2);
    assertThat(nothing.err())
        .contains(
            "service: missing; give --service NAME",
            "target: missing; give --target KIND/NAME",
            "max: missing; give --max N");

    Path kubeconfig = Files.writeString(directory.resolve("kubeconfig"), "apiVersion: v1\n");
    Path file = directory.resolve("watcher.yaml");
    Files.writeString(
        file, "service: b\ntarget: deployment/b\nmin: 5\nmax: 3\ntarget-load: 0.95\n");
    Command.Ended wrong =
        run("watcher", "--config", file.toString(), "--kubeconfig", kubeconfig.toString());
    assertThat(wrong.status()).isEqualTo(2);
    assertThat(wrong.err())
        .contains("watcher.yaml:4: max: 3 is less than min 5")
        .contains("watcher.yaml:5: target-load: 0.95 is not below overloaded-at 0.9");

    Command.Ended kind = run("watcher", "--service", "b", "--max", "3", "--target", "thing/b");
    assertThat(kind.status()).isEqualTo(2);
    assertThat(kind.err()).contains("the kind 'thing' is not known: deployment, statefulset");

    Command.Ended lost =
        run("watcher", "explain", "--watcher", "http://127.0.0.1:" + FreePort.tcp());
    assertThat(lost.status()).isEqualTo(1);
    assertThat(lost.err()).contains("no Watcher at http://127.0.0.1:").contains("is it running?");
  }

  @Test
  void a_wrong_configuration_is_reported_as_a_whole() throws Exception {
    Path file = directory.resolve("bolina.yaml");
    Files.writeString(file, "overloaded-at: high\nlingre: 5m\nservice: [bolina]\n");
    Command.Ended ended = run("control-plane", "--config", file.toString(), "--xds", "nowhere");
    assertThat(ended.status()).isEqualTo(2);
    assertThat(ended.err())
        .contains("4 errors")
        .contains("overloaded-at")
        .contains("lingre")
        .contains("did you mean 'linger'")
        .contains("'bolina' is not NAME=HOST:PORT")
        .contains("--xds: 'nowhere' is not HOST:PORT");
  }

  @Test
  void the_printed_bootstrap_is_one_that_envoy_takes() throws Exception {
    Command.Ended ended =
        run(
            "envoy-bootstrap",
            "--xds",
            "127.0.0.1:18000",
            "--xds",
            "[::1]:18001",
            "--gate",
            "--node-id",
            "edge-1");
    assertThat(ended.status()).isZero();
    assertThat(ended.out()).contains("bolina.gate");
    Path file = directory.resolve("envoy.yaml");
    Files.writeString(file, ended.out());
    Command.of(RealPart.ENVOY.installed().toString(), "--mode", "validate", "-c", file.toString())
        .run();
  }

  @Test
  void the_bootstrap_over_tls_and_its_files_are_what_envoy_takes() throws Exception {
    TestAuthority authority = new TestAuthority(directory.resolve("authority"));
    TestAuthority.Issued own = authority.issue("dns:edge-1.edges.test");
    Path into = directory.resolve("envoy");
    Command.Ended ended =
        run(
            "envoy-bootstrap",
            "--xds=127.0.0.1:18001",
            "--node-id=edge-1",
            "--into=" + into,
            "--tls-ca-file=" + authority.ca(),
            "--tls-cert-file=" + own.certificate(),
            "--tls-key-file=" + own.key(),
            "--tls-server-name=control-plane.test");
    assertThat(ended.status()).as(ended.err()).isZero();
    assertThat(into).isDirectoryContaining("glob:**/{envoy,xds-ca,xds-certificate}.yaml");
    Command.of(
            RealPart.ENVOY.installed().toString(),
            "--mode",
            "validate",
            "-c",
            into.resolve("envoy.yaml").toString())
        .run();

    Command.Ended wrong =
        run("envoy-bootstrap", "--node-id=e", "--tls-ca-file=ca.crt", "--tls-key-file=tls.key");
    assertThat(wrong.status()).isEqualTo(2);
    assertThat(wrong.err())
        .contains("--tls-ca-file: needs into")
        .contains("tls-cert-file: goes together with tls-key-file");
    assertThat(run("envoy-bootstrap", "--node-id=e", "--tls-server-name=x").err())
        .contains("--tls-server-name: needs tls-ca-file");
  }

  @Test
  void what_other_hosts_reach_without_tls_is_said_and_asked_for() throws Exception {
    Command.Ended refused =
        run("control-plane", "--service=bolina=0.0.0.0:10000", "--xds=0.0.0.0:18000");
    assertThat(refused.status()).isEqualTo(2);
    assertThat(refused.err()).contains("--xds: 0.0.0.0:18000 has no TLS", "--insecure-xds");
    Command.Ended told =
        run(
            "control-plane",
            "--service=bolina=0.0.0.0:10000",
            "--xds=0.0.0.0:18000",
            "--insecure-xds",
            "--check");
    assertThat(told.status()).isZero();
    assertThat(told.out()).contains("warning: --insecure-xds: 0.0.0.0:18000 has no TLS");
  }

  @Test
  void a_port_in_use_is_an_error_that_names_it() throws Exception {
    int port = FreePort.tcp();
    try (var taken =
        new java.net.ServerSocket(port, 1, java.net.InetAddress.getLoopbackAddress())) {
      Command.Ended ended =
          run(
              "control-plane",
              "--service",
              "bolina=127.0.0.1:10000",
              "--admin",
              "127.0.0.1:" + taken.getLocalPort(),
              "--xds",
              "127.0.0.1:" + FreePort.tcp());
      assertThat(ended.status()).isEqualTo(1);
      assertThat(ended.err()).contains("127.0.0.1:" + port).contains("admin");
    }
  }

  @Test
  void the_demo_keeps_every_promise_and_leaves_nothing_in_consul() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("somebody-else");
      String consul = sandbox.consul().url().toString();
      Command.Ended ended = run("demo", "--clients", "60", "--consul", consul);
      assertThat(ended.status()).as(ended.out() + ended.err()).isZero();
      assertThat(ended.out())
          .contains("Every promise was kept")
          .containsPattern("kept +clients with a token moved to another server +0 of 100");
      assertThat(sandbox.consul().api().get("/v1/catalog/services").toString())
          .contains("\"bolina\"")
          .doesNotContain("bolina-demo");
      assertThat(sandbox.consul().api().get("/v1/session/list").toString()).isEqualTo("[]");
      assertThat(directoryOf(ended.out())).exists();
    }
  }

  @Test
  void a_demo_that_is_interrupted_leaves_no_process_behind() throws Exception {
    Path log = directory.resolve("demo.out");
    try (BolinaProcess demo = BolinaProcess.start(log, "demo", "--keep-running")) {
      await().until(() -> demo.child().log().contains("1. 200 clients arrive"));
      String mark = directoryOf(demo.child().log()).toString();
      assertThat(processesNaming(mark)).as("Envoy runs").isPositive();
      demo.child().terminate();
      await().untilAsserted(() -> assertThat(processesNaming(mark)).isZero());
    }
  }

  private static Path directoryOf(String output) {
    Matcher matcher = Pattern.compile("Logs and state are in (\\S+)").matcher(output);
    assertThat(matcher.find()).as(output).isTrue();
    return Path.of(matcher.group(1));
  }

  private static long processesNaming(String text) {
    return ProcessHandle.allProcesses()
        .filter(p -> p.info().commandLine().filter(line -> line.contains(text)).isPresent())
        .count();
  }
}
