package io.bolina.it.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.RealPart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the chart renders, without installing it. */
class ChartIT {
  private static final JsonMapper JSON = new JsonMapper();
  private static final String EVERYTHING =
      "consul.address=https://consul.example:8501,consul.tokenSecret.name=token,consul.caSecret.name=ca,"
          + "watcher.consulTokenSecret.name=own,controlPlane.persistence.enabled=true,controlPlane.gateRules.size.min=12,"
          + "servers.image.repository=example/server,servers.image.tag=1,servers.livenessProbe.exec.command={/alive},"
          + "envoy.drainTime=5m,envoy.nodeTuning.enabled=true,networkPolicy.nodeCidrs={10.0.0.0/16},"
          + "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.prometheusRule.runbookUrl=https://x";

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "consul.tryOut.enabled=true",
        EVERYTHING,
        EVERYTHING + ",envoy.kind=Deployment,watcher.enabled=false",
        "consul.address=http://$(HOST_IP):8500,servers.enabled=false,envoy.updateStrategy=RollingUpdate,envoy.gate=false",
        "consul.address=http://consul:8500,envoy.enabled=false,networkPolicy.enabled=false"
      })
  void what_is_rendered_is_valid_to_a_real_api_server(String values) throws Exception {
    RealKubernetes.takePart();
    try {
      Path kubeconfig = RealKubernetes.running().kubeconfig();
      Path crds = RealPart.CRDS.installed().getParent();
      kubectl(kubeconfig, "apply", "--server-side", "--filename", crds.toString());
      Path manifests =
          Files.writeString(directory.resolve("manifests.yaml"), helm(0, "template", values));
      List<String> strict =
          List.of(
              "apply", "--dry-run=server", "--validate=strict", "--filename", manifests.toString());
      // An API that has just been defined takes a moment to be served.
      kubectl(kubeconfig, "wait", "--for=condition=Established", "--filename", crds.toString());
      assertThat(run(0, kubeconfig, kubectlCommand(strict))).contains("created (server dry run)");
    } finally {
      RealKubernetes.endTurn();
    }
  }

  @Test
  void it_is_clean_to_helms_linter() throws Exception {
    assertThat(helm(0, "lint", EVERYTHING, "--strict")).contains("0 chart(s) failed");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "envoy.prot=1|'prot' not allowed",
        "watchr.enabled=true|'watchr' not allowed",
        "servers.drainTime=10|servers/drainTime",
        "servers.drainTime=500ms|servers/drainTime",
        "envoy.port=80|envoy/port",
        "controlPlane.settings.overloadedAt=0.5|'overloadedAt' not allowed",
        "controlPlane.settings.max-sessions=5|'max-sessions' not allowed",
        "envoy.kind=ReplicaSet|envoy/kind",
        "consul.address=consul:8500|consul/address",
        "consul.address=|consul.address is needed",
        "watcher.max=1|watcher.min",
        "consul.tryOut.enabled=true|exclude one another"
      })
  void a_wrong_value_fails_at_install_and_is_named(String change) throws Exception {
    String[] parts = change.split("\\|", 2);
    String said = helm(1, "template", "consul.address=http://consul:8500," + parts[0]);
    assertThat(said).contains(parts[1]);
  }

  /** That the schema has every setting is held in the launcher's SettingsDocumentTest. */
  @Test
  void every_program_takes_what_the_chart_passes_on_and_all_go_by_the_same_loads()
      throws Exception {
    Path rules = Files.createTempFile("rules", ".yaml");
    String values =
        EVERYTHING + ",load.overloadedAt=0.85,load.weightSteps=0:100\\,0.5:60,envoy.gate=true";
    Map<String, List<String>> templates =
        Map.of(
            "control-plane", List.of("control-plane"),
            "watcher", List.of("watcher"),
            "agent", List.of("servers", "--id=b-1", "--address=10.0.0.1"));
    for (var template : templates.entrySet()) {
      String command = template.getKey();
      String manifest =
          helm(
              0,
              "template",
              values,
              "--show-only",
              "templates/" + template.getValue().get(0) + ".yaml");
      Matcher config =
          Pattern.compile("(?m)^  " + command + "\\.yaml: \\|\\n((?:    .*\\n)+)")
              .matcher(manifest);
      assertThat(config.find()).as(manifest).isTrue();
      String yaml = config.group(1).replace("/etc/bolina/gate/rules.yaml", rules.toString());
      assertThat(yaml).containsPattern("overloaded-at: \"?0.85");
      Path file = Files.writeString(Files.createTempFile("config", ".yaml"), yaml.indent(-4));
      List<String> check = new ArrayList<>();
      check.add(Installation.home().resolve("bolina").toString());
      check.addAll(List.of(command, "--config=" + file, "--check"));
      check.addAll(template.getValue().subList(1, template.getValue().size()));
      assertThat(run(0, Path.of("/"), check)).contains("configuration valid");
    }
  }

  @Test
  void each_alert_is_promql_and_has_a_runbook() throws Exception {
    assertThat(
            Command.of(RealPart.PROMQL.installed().toString())
                .input(String.join("\n", alerts("expr")) + "\n")
                .end()
                .out())
        .isEmpty();
    String page = Files.readString(Installation.home().resolve("docs/operations.md"));
    for (String alert : alerts("alert")) {
      assertThat(page).as("a runbook in docs/operations.md").contains("### " + alert + "\n");
    }
  }

  /** The image of Docker's way and of ours are to be one. */
  @Test
  void the_dockerfile_makes_the_same_image_as_the_script() throws Exception {
    Path image = Installation.home().resolve("deploy/image");
    String dockerfile = Files.readString(image.resolve("Dockerfile"));
    Matcher entry = Pattern.compile("ENTRYPOINT (\\[.*\\])").matcher(dockerfile);
    Matcher user = Pattern.compile("(?m)^USER (.*)$").matcher(dockerfile);
    assertThat(entry.find() && user.find()).isTrue();
    List<String> words = new ArrayList<>();
    JSON.readTree(entry.group(1)).forEach(word -> words.add(word.asText()));
    assertThat(Files.readString(image.resolve("build")))
        .contains("--entrypoint " + String.join(",", words))
        .contains("--user " + user.group(1));
    assertThat(dockerfile)
        .contains("deploy/image/root /root-of-image", "COPY --from=build /root-of-image /");
  }

  // ------------------------------------------------------------ the alerts

  /** The metrics that alerts go by. */
  static Set<String> metricsOfAlerts() throws IOException {
    Set<String> names = new TreeSet<>();
    for (String expression : alerts("expr")) {
      Matcher name = Pattern.compile("\\b(?:bolina|envoy)_[a-z_]+(?=\\{)").matcher(expression);
      while (name.find()) {
        names.add(name.group());
      }
    }
    assertThat(names).hasSizeGreaterThan(10);
    return names;
  }

  /** What the documentation says of metrics. */
  static String documentedMetrics() throws IOException {
    return Files.readString(Installation.home().resolve("docs/reference.md"));
  }

  private static List<String> alerts(String field) throws IOException {
    String manifests = helm(0, "template", EVERYTHING, "--show-only", "templates/metrics.yaml");
    Pattern line = Pattern.compile("(?m)^\\s+(?:- )?" + field + ": (.*)$");
    List<String> found = new ArrayList<>();
    Matcher matcher = line.matcher(manifests);
    while (matcher.find()) {
      String text = matcher.group(1);
      found.add(text.startsWith("\"") ? JSON.readTree(text).asText() : text);
    }
    assertThat(found).isNotEmpty();
    return found;
  }

  // ------------------------------------------------------------ the programs

  private static String helm(int status, String verb, String values, String... more)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(RealPart.HELM.installed().toString(), verb));
    if (verb.equals("template")) {
      command.add("release");
    }
    command.addAll(List.of(ChartSandbox.chart(), "--kube-version", "1.34.0", "--set", values));
    command.addAll(List.of(more));
    return run(status, Path.of("/"), command);
  }

  private static void kubectl(Path kubeconfig, String... arguments) throws IOException {
    String said = run(0, kubeconfig, kubectlCommand(List.of(arguments)));
    assertThat(said).isNotEmpty();
  }

  private static List<String> kubectlCommand(List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(RealPart.KUBERNETES.installed().resolveSibling("kubectl").toString());
    command.addAll(arguments);
    return command;
  }

  /** Runs a command that is to end with a status, and returns what it says. */
  private static String run(int status, Path kubeconfig, List<String> command) throws IOException {
    return Command.of(command).with("KUBECONFIG", kubeconfig.toString()).expect(status).out();
  }
}
