package io.bolina.it.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.tls.TestAuthority;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the chart renders, without installing it. */
class ChartIT {
  private static final JsonMapper JSON = new JsonMapper();
  private static final String EVERYTHING =
      "consul.address=https://consul.example:8501,consul.tokenSecret.name=token,consul.caSecret.name=ca,consul.clientSecret.name=client,"
          + "watcher.consulTokenSecret.name=own,controlPlane.persistence.enabled=true,controlPlane.gateRules.size.min=12,"
          + "servers.image.repository=example/server,servers.image.tag=1,servers.livenessProbe.exec.command={/alive},"
          + "envoy.drainTime=5m,envoy.tokens=true,envoy.tokenKeysSecret=quic-keys,envoy.hotRestart.enabled=true,envoy.nodeTuning.enabled=true,networkPolicy.nodeCidrs={10.0.0.0/16},"
          + "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.prometheusRule.runbookUrl=https://x";

  private static final String TRY_OUT = "consul.tryOut.enabled=true,";

  /** Values that earlier versions of the chart did not have. */
  private static final String LATER_VALUES =
      """
          adminTokenSecret consul.clientSecret cluster commonLabels listenAddress openshift test.podSecurityContext
          servers.serviceAccountAnnotations servers.dnsConfig servers.postStart servers.sidecars
          servers.extraPorts servers.agent.env servers.agent.volumeMounts servers.agent.securityContext
          envoy.namespace envoy.service envoy.gatewayApi envoy.tokens envoy.tokenKeysSecret envoy.hotRestart
          logFormat controlPlane.env controlPlane.volumes controlPlane.volumeMounts
          controlPlane.securityContext controlPlane.podSecurityContext controlPlane.serviceAccountAnnotations controlPlane.dnsConfig
          controlPlane.lifecycle watcher.env watcher.volumes watcher.volumeMounts
          watcher.securityContext watcher.podSecurityContext watcher.serviceAccountAnnotations watcher.dnsConfig
          watcher.lifecycle envoy.env envoy.volumes envoy.volumeMounts
          envoy.securityContext envoy.podSecurityContext envoy.serviceAccountAnnotations envoy.dnsConfig
      """;

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

  /** As {@code helm upgrade --reuse-values} has it after an earlier version of the chart. */
  @Test
  void a_value_that_an_earlier_release_did_not_have_may_be_missing() throws Exception {
    String missing = String.join("=null,", LATER_VALUES.strip().split("\\s+")) + "=null";
    // Else each rendering makes certificates of its own.
    String always = TRY_OUT + "tls.secrets.server=s,tls.secrets.client=c";
    String rendered = helm(0, "template", always + "," + missing);
    // What the chart's defaults say is said by the templates, too.
    assertThat(documents(rendered)).isEqualTo(documents(helm(0, "template", always)));
    assertThat(helm(0, "template", TRY_OUT + "tls=null"))
        .as("Envoys that run without TLS go on so")
        .contains("bolina.io/xds: \"off\"", "xds: 0.0.0.0:18000", "insecure-xds: true")
        .doesNotContain("xds-tls", "kubernetes.io/tls");
    // Of these the programs have the defaults.
    assertThat(helm(0, "template", TRY_OUT + "load=null")).doesNotContain("overloaded-at");
  }

  private static Set<String> documents(String rendered) {
    return Pattern.compile("(?m)^---\n").splitAsStream(rendered).collect(Collectors.toSet());
  }

  @ParameterizedTest
  @CsvSource({
    "https://[fd00::5],443",
    "http://[2001:db8::1]:8500,8500",
    "http://consul,80",
    "https://consul.example,443",
    "https://consul.example:8501/prefix:9,8501",
    "http://$(HOST_IP):8500,8500"
  })
  void the_policy_opens_the_port_of_consuls_address(String address, int port) throws Exception {
    String policies =
        helm(
            0,
            "template",
            "consul.address=" + address,
            "--show-only",
            "templates/network-policies.yaml");
    Matcher opened = Pattern.compile("53, protocol: TCP}, \\{port: (\\d+)").matcher(policies);
    assertThat(opened.find()).isTrue();
    assertThat(opened.group(1)).isEqualTo(String.valueOf(port));
  }

  @Test
  void with_ipv6_nothing_listens_on_ipv4_alone() throws Exception {
    String rendered = helm(0, "template", TRY_OUT + "listenAddress=::");
    assertThat(rendered)
        .doesNotContain("0.0.0.0")
        .contains("xds: '[::]:18001'", "admin: '[::]:18080'", "admin: '[::]:18090'")
        .contains("- bolina=[::]:10000", "--stats=[::]:9902", "--address=::", "-client=::")
        .contains("--front=[$(HOST_IP)]:10000");
    // What ends with a colon is a mapping to YAML, unless it is quoted.
    List<JsonNode> arguments = new ArrayList<>();
    for (JsonNode document :
        new YAMLMapper().readerFor(JsonNode.class).<JsonNode>readValues(rendered).readAll()) {
      document.findValues("args").forEach(args -> args.forEach(arguments::add));
    }
    assertThat(arguments).hasSizeGreaterThan(20).allMatch(JsonNode::isTextual);
  }

  @Test
  void what_a_platform_needs_can_be_set() throws Exception {
    assertThat(helm(0, "template", TRY_OUT + "openshift=true"))
        .doesNotContain("runAsUser", "runAsGroup", "fsGroup")
        .contains("runAsNonRoot: true");
    String rendered =
        helm(
            0,
            "template",
            TRY_OUT
                + "commonLabels.team=games,servers.extraPorts[0].name=metrics,servers.extraPorts[0].containerPort=9090,"
                + "envoy.namespace=edge,envoy.service.enabled=true,envoy.gatewayApi.enabled=true,envoy.gatewayApi.parentRefs[0].name=gateway");
    assertThat(rendered)
        .contains("- {port: 9090, protocol: TCP}", "containerPort: 9090", "team: games")
        .contains("kind: UDPRoute", "externalTrafficPolicy: Local", "sessionAffinity: ClientIP")
        .contains("- {name: release-bolina-envoy-front, port: 10000}", "namespace: edge")
        .contains("parentRefs: [{\"name\":\"gateway\"}]");
  }

  /** And only with a token: else from the pods themselves alone. */
  @Test
  void other_pods_read_the_fleet_with_a_token() throws Exception {
    assertThat(helm(0, "template", "consul.tryOut.enabled=true")).doesNotContain("admin-token");
    String rendered = helm(0, "template", TRY_OUT + "adminTokenSecret.name=readers");
    for (String template : List.of("control-plane", "watcher")) {
      assertThat(
              documents(rendered).stream()
                  .filter(d -> d.contains("# Source: bolina/templates/" + template + ".yaml"))
                  .collect(Collectors.joining()))
          .contains("    admin-token-file: /etc/bolina/admin-token/token\n")
          .contains("- {name: admin-token, mountPath: /etc/bolina/admin-token, readOnly: true}")
          .contains("secret: {secretName: \"readers\", defaultMode: 0440}");
    }
  }

  @Test
  void agent_and_server_share_a_socket() throws Exception {
    String rendered = helm(0, "template", "consul.tryOut.enabled=true");
    assertThat(rendered)
        .contains("    listen-socket: /bolina/agent.sock\n")
        .contains("- {name: BOLINA_AGENT_SOCKET, value: /bolina/agent.sock}")
        .contains("--report=unix:/bolina/agent.sock");
  }

  /** Servers and Watcher have to call the cluster the same, or the Watcher removes no entry. */
  @Test
  void servers_say_which_pod_of_which_cluster_they_run_in_and_the_watcher_knows_the_cluster()
      throws Exception {
    String named = helm(0, "template", TRY_OUT + "cluster=east-1", "--namespace", "games");
    assertThat(named)
        .contains(
            "value: \"pod=$(BOLINA_ID) pod-uid=$(POD_UID) pod-namespace=games pod-cluster=east-1\"")
        .contains("    cluster: east-1\n", "    namespace: games\n");
    assertThat(helm(0, "template", "consul.tryOut.enabled=true"))
        .as("without a cluster to ask")
        .doesNotContain("pod-cluster", "    cluster: ");
  }

  /** Helm reads the log after the test: a policy that deletes its pod makes that fail. */
  @Test
  void the_pod_of_the_test_stays_for_its_log() throws Exception {
    assertThat(
            helm(0, "template", "consul.tryOut.enabled=true", "--show-only", "templates/test.yaml"))
        .contains("helm.sh/hook-delete-policy: before-hook-creation\n");
  }

  @Test
  void the_defaults_suit_those_who_end_and_move_pods() throws Exception {
    String rendered = helm(0, "template", TRY_OUT + "envoy.kind=Deployment");
    Matcher grace = Pattern.compile("terminationGracePeriodSeconds: (\\d+)").matcher(rendered);
    int found = 0;
    while (grace.find()) {
      found++;
      assertThat(Integer.parseInt(grace.group(1)))
          .as("what the cluster autoscaler gives at most")
          .isLessThanOrEqualTo(600);
    }
    assertThat(found).isGreaterThan(3);
    for (String document : documents(rendered)) {
      if (document.contains("kind: PodDisruptionBudget")) {
        assertThat(document).contains("unhealthyPodEvictionPolicy: AlwaysAllow");
      }
      if (document.contains("name: release-bolina-control-plane-peers\n")) {
        assertThat(document).contains("publishNotReadyAddresses: true", "clusterIP: None");
      }
    }
    assertThat(rendered).contains("name: release-bolina-control-plane-peers\n");
  }

  @Test
  void envoys_and_control_plane_speak_tls_unless_told_otherwise() throws Exception {
    String rendered = helm(0, "template", "consul.tryOut.enabled=true", "--namespace", "games");
    assertThat(rendered)
        .contains("xds-peer:\n    - release-bolina-envoy.games.svc=*\n")
        .contains("--xds=release-bolina-control-plane.games.svc:18001")
        .contains("--tls-server-name=release-bolina-control-plane.games.svc")
        .doesNotContain("insecure-xds", "18000");
    Map<String, JsonNode> secrets = new TreeMap<>();
    for (JsonNode document :
        new YAMLMapper().readerFor(JsonNode.class).<JsonNode>readValues(rendered).readAll()) {
      if (document.path("kind").asText().equals("Secret")) {
        secrets.put(document.at("/metadata/name").asText(), document.path("data"));
      }
    }
    assertThat(secrets).containsOnlyKeys("release-bolina-xds-client", "release-bolina-xds-server");
    JsonNode server = secrets.get("release-bolina-xds-server");
    JsonNode client = secrets.get("release-bolina-xds-client");
    assertThat(server.path("ca.crt")).isEqualTo(client.path("ca.crt"));
    assertThat(names(server)).containsExactly("release-bolina-control-plane.games.svc");
    assertThat(names(client)).containsExactly("release-bolina-envoy.games.svc");

    assertThat(helm(0, "template", TRY_OUT + "tls.mode=optional"))
        .as("for those that have yet to be restarted")
        .contains("xds: 0.0.0.0:18001", "xds-plain: 0.0.0.0:18000", "insecure-xds: true")
        .contains("--xds=release-bolina-control-plane.default.svc:18001");
    assertThat(helm(0, "template", TRY_OUT + "tls.mode=off,networkPolicy.nodeCidrs={10.0.0.0/8}"))
        .contains("xds: 0.0.0.0:18000", "insecure-xds: true")
        .doesNotContain("18001", "kind: Secret", "--tls");
    assertThat(
            helm(
                0,
                "template",
                TRY_OUT + "tls.certManager.enabled=true,tls.certManager.issuerRef.name=ca"))
        .contains("kind: Certificate", "secretName: release-bolina-xds-client", "client auth")
        .doesNotContain("kind: Secret\n");
    assertThat(helm(0, "template", TRY_OUT + "tls.secrets.server=mine,tls.secrets.client=yours"))
        .contains("secretName: \"mine\"", "secretName: \"yours\"")
        .doesNotContain("kind: Secret\n");
  }

  @Test
  void an_upgrade_takes_no_port_from_envoys_that_run() throws Exception {
    RealKubernetes.takePart();
    try {
      Path kubeconfig = RealKubernetes.running().kubeconfig();
      String namespace = "bolina-tls-" + ProcessHandle.current().pid();
      kubectl(kubeconfig, "create", "namespace", namespace);
      try {
        Path release =
            Files.writeString(
                directory.resolve("release.yaml"),
                """
                apiVersion: apps/v1
                kind: StatefulSet
                metadata: {name: release-bolina-control-plane}
                spec:
                  replicas: 0
                  serviceName: none
                  selector: {matchLabels: {of: none}}
                  template:
                    metadata: {labels: {of: none}}
                    spec: {containers: [{name: none, image: none}]}
                ---
                apiVersion: v1
                kind: Pod
                metadata:
                  name: envoy-of-before
                  labels: {app.kubernetes.io/instance: release, app.kubernetes.io/component: envoy, app.kubernetes.io/part-of: bolina}
                spec: {nodeName: none, containers: [{name: none, image: none}]}
                """);
        // Without it no pod is taken.
        kubectl(kubeconfig, "-n", namespace, "wait", "--for=create", "serviceaccount/default");
        kubectl(kubeconfig, "-n", namespace, "apply", "--filename", release.toString());
        assertThat(upgrade(1, kubeconfig, namespace, "tls.mode=required"))
            .contains("tls.mode was off and would be required", "tls.mode=optional");
        assertThat(upgrade(0, kubeconfig, namespace, "tls.mode=optional"))
            .contains("xds-plain: 0.0.0.0:18000");
        assertThat(upgrade(0, kubeconfig, namespace, "tls=null")).contains("xds: 0.0.0.0:18000");

        annotate(kubeconfig, namespace, "statefulset/release-bolina-control-plane", "optional");
        assertThat(upgrade(1, kubeconfig, namespace, "tls.mode=required"))
            .contains("restart these first", "envoy-of-before");
        annotate(kubeconfig, namespace, "pod/envoy-of-before", "tls");
        assertThat(upgrade(0, kubeconfig, namespace, "tls.mode=required"))
            .doesNotContain("xds-plain");
        String off = "tls.mode=off,networkPolicy.nodeCidrs={10.0.0.0/8}";
        assertThat(upgrade(1, kubeconfig, namespace, off)).contains("envoy-of-before");
        annotate(kubeconfig, namespace, "statefulset/release-bolina-control-plane", "required");
        assertThat(upgrade(1, kubeconfig, namespace, off))
            .contains("tls.mode was required and would be off");
      } finally {
        kubectl(kubeconfig, "delete", "namespace", namespace, "--wait=false");
      }
    } finally {
      RealKubernetes.endTurn();
    }
  }

  private static void annotate(Path kubeconfig, String namespace, String object, String xds)
      throws IOException {
    kubectl(kubeconfig, "-n", namespace, "annotate", "--overwrite", object, "bolina.io/xds=" + xds);
  }

  /** What an upgrade would install, by what is there. */
  private static String upgrade(int status, Path kubeconfig, String namespace, String values)
      throws IOException {
    return run(
        status,
        kubeconfig,
        List.of(
            RealPart.HELM.installed().toString(),
            "template",
            "release",
            ChartSandbox.chart(),
            "--is-upgrade",
            "--dry-run=server",
            "--kube-version",
            "1.34.0",
            "--namespace",
            namespace,
            "--set",
            TRY_OUT + values));
  }

  /** The DNS names of the certificate in a Secret's data. */
  private static List<String> names(JsonNode data) throws Exception {
    X509Certificate certificate =
        (X509Certificate)
            CertificateFactory.getInstance("X.509")
                .generateCertificate(
                    new ByteArrayInputStream(
                        Base64.getDecoder().decode(data.path("tls.crt").asText())));
    return certificate.getSubjectAlternativeNames().stream()
        .map(name -> String.valueOf(name.get(1)))
        .toList();
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
        "envoy.tokens=true,envoy.gate=false|envoy.tokens needs envoy.gate",
        "tls.mode=maybe|tls/mode",
        "tls.mode=off|networkPolicy.nodeCidrs",
        "tls.secrets.server=a|give both server and client",
        "tls.certManager.enabled=true|tls.certManager.issuerRef.name is needed",
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
    TestAuthority authority = new TestAuthority(directory.resolve("authority"));
    authority
        .issue("dns:control-plane")
        .replace(directory.resolve("tls.crt"), directory.resolve("tls.key"));
    TestAuthority.replace(directory.resolve("ca.crt"), authority.ca());
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
      String yaml =
          config
              .group(1)
              .replace("/etc/bolina/gate/rules.yaml", rules.toString())
              .replace("/etc/bolina/xds-tls", directory.toString());
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
