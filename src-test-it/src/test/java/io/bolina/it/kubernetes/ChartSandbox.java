package io.bolina.it.kubernetes;

import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.it.Patience;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.LocalPortForward;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A release of the chart in a namespace of its own on a real Kubernetes, with a Consul of its own
 * and stand-ins for servers.
 *
 * <pre>{@code
 * try (ChartSandbox chart = new ChartSandbox()) {
 *   chart.install();
 *   Clients clients = chart.clients();
 *   chart.upgrade("controlPlane.settings.coalesce=60ms");
 *   ...
 * }
 * }</pre>
 */
final class ChartSandbox implements AutoCloseable {
  static final String RELEASE = "b";
  static final String SERVICE = "bolina";
  static final Duration LONG = Patience.VERY_LONG;

  /** What Helm waits for at most, and what a server's sessions have, however busy the machine. */
  private static final String WAIT = "15m";

  private static final String NAME = RELEASE + "-bolina";
  private static final JsonMapper JSON = new JsonMapper();
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private static final AtomicInteger NUMBER = new AtomicInteger();

  private final String namespace =
      "bolina-chart-" + ProcessHandle.current().pid() + "-" + NUMBER.incrementAndGet();
  private final RealKubernetes kubernetes;
  private final KubernetesClient client;
  private final Path values;
  private final int port = FreePort.udp();
  private final int adminPort = FreePort.tcp();
  private final List<String> set = new ArrayList<>();
  private Clients clients;

  ChartSandbox() throws IOException {
    RealKubernetes.takePart();
    try {
      kubernetes = RealKubernetes.running();
      Config config = Config.fromKubeconfig(kubernetes.kubeconfig().toFile());
      config.setRequestRetryBackoffLimit(0); // or a refused eviction would be tried again
      client = new KubernetesClientBuilder().withConfig(config).build();
      values = Files.writeString(Files.createTempFile("bolina-values", ".yaml"), values());
    } catch (IOException | RuntimeException e) {
      RealKubernetes.endTurn();
      throw e;
    }
  }

  /** Small, quick and with images that the cluster has. */
  private String values() throws IOException {
    String bolina = kubernetes.bolinaImage();
    String little = "{requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 320Mi}}";
    return """
        image: %s
        listenAddress: "%s"
        consul: {tryOut: {enabled: true, %s resources: %s}}
        sessions: {max: 10000, idleTimeout: 1m}
        controlPlane: {resources: %s}
        watcher:
          replicas: 1
          min: 2
          max: 3
          resources: %s
          settings: {interval: 1s, settle: 3s, down-window: 5s, up-rate: '4/5s', down-rate: '4/5s', lease-duration: 10s}
        servers:
          args: [--capacity=30, --session-idle=8s]
          drainTime: 15m
          minReadySeconds: 0
          strategy: {rollingUpdate: {maxSurge: 100%%}}
          resources: %s
          agent: {settings: {load-interval: 1s}, resources: %s}
        envoy: {port: %d, adminPort: %d, statsPort: %d, concurrency: 2, hotRestart: {enabled: true, handOver: 3s}, %s resources: %s}
        """
        .formatted(
            image(bolina),
            kubernetes.hasIpv6() ? "::" : "0.0.0.0",
            official(RealPart.CONSUL),
            little,
            little,
            little,
            little,
            little,
            port,
            adminPort,
            FreePort.tcp(),
            official(RealPart.ENVOY),
            little);
  }

  private String official(RealPart part) throws IOException {
    return kubernetes.partImage(part).map(name -> "image: " + image(name) + ",").orElse("");
  }

  private static String image(String name) {
    int colon = name.lastIndexOf(':');
    return "{repository: \"%s\", tag: \"%s\"}"
        .formatted(name.substring(0, colon), name.substring(colon + 1));
  }

  // ------------------------------------------------------------ Helm

  /** Installs the chart and waits until everything is ready, as {@code helm install --wait}. */
  void install() throws IOException {
    helm(command("install", "--create-namespace", "--wait", "--timeout", WAIT));
  }

  /**
   * Changes values and does not wait.
   *
   * @param changes as {@code --set} takes them; they stay for later upgrades
   */
  void upgrade(String... changes) throws IOException {
    set.addAll(List.of(changes));
    helm(command("upgrade"));
  }

  /** Changes values in a way that the chart is to refuse, and returns what it says. */
  String refused(String... changes) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(RealPart.HELM.installed().toString());
    command.addAll(List.of("--namespace", namespace));
    command.addAll(command("upgrade"));
    List.of(changes).forEach(change -> command.addAll(List.of("--set", change)));
    return Command.of(command)
        .with("KUBECONFIG", kubernetes.kubeconfig().toString())
        .expect(1)
        .out();
  }

  /**
   * {@code helm test} with the log of its pod; that the test succeeded is not enough for status 0.
   */
  String test() throws IOException {
    return helm(List.of("test", RELEASE, "--logs", "--timeout", WAIT));
  }

  /** {@code helm uninstall}, and waits until the pods have drained. */
  void uninstall() throws IOException {
    helm(List.of("uninstall", RELEASE, "--wait", "--timeout", WAIT));
  }

  private List<String> command(String verb, String... more) throws IOException {
    List<String> command = new ArrayList<>(List.of(verb, RELEASE, chart(), "--values"));
    command.add(values.toString());
    set.forEach(change -> command.addAll(List.of("--set", change)));
    command.addAll(List.of(more));
    return command;
  }

  static String chart() throws IOException {
    return Installation.home().resolve("deploy/k8s/bolina").toString();
  }

  private String helm(List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(RealPart.HELM.installed().toString());
    command.addAll(List.of("--namespace", namespace));
    command.addAll(arguments);
    try {
      return run(command);
    } catch (IOException e) {
      throw new IOException(e.getMessage() + "\n" + describe(), e);
    }
  }

  /** {@code kubectl}, in the release's namespace. */
  String kubectl(String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(RealPart.KUBERNETES.installed().resolveSibling("kubectl").toString());
    command.addAll(List.of("--namespace", namespace));
    command.addAll(List.of(arguments));
    return run(command);
  }

  private String run(List<String> command) throws IOException {
    return Command.of(command).with("KUBECONFIG", kubernetes.kubeconfig().toString()).run();
  }

  // ------------------------------------------------------------ pods

  KubernetesClient client() {
    return client;
  }

  String namespace() {
    return namespace;
  }

  /** The pods of a component that are not being deleted. */
  List<Pod> pods(String component) {
    return everyPod(component).stream()
        .filter(p -> p.getMetadata().getDeletionTimestamp() == null)
        .toList();
  }

  /** The same with those that drain. */
  List<Pod> everyPod(String component) {
    return client
        .pods()
        .inNamespace(namespace)
        .withLabel("app.kubernetes.io/component", component)
        .list()
        .getItems()
        .stream()
        .sorted(Comparator.comparing(p -> p.getMetadata().getName()))
        .toList();
  }

  List<String> names(String component) {
    return pods(component).stream().map(p -> p.getMetadata().getName()).toList();
  }

  /** Pods by name and uid: another pod of a name is another pod. */
  Map<String, String> identities(String component) {
    Map<String, String> uids = new TreeMap<>();
    pods(component).forEach(p -> uids.put(p.getMetadata().getName(), p.getMetadata().getUid()));
    return uids;
  }

  /** Waits until so many pods of a component are ready, and none that was there before is left. */
  void awaitReady(String component, int count, Map<String, String> before) {
    await(count + " new pods of " + component)
        .atMost(LONG)
        .until(
            () -> {
              List<Pod> pods = pods(component);
              return pods.size() == count
                  && pods.stream().allMatch(PodSandbox::isReady)
                  && pods.stream().noneMatch(p -> before.containsValue(p.getMetadata().getUid()));
            });
  }

  /** How many servers the Deployment is to have. */
  int replicas() {
    return client
        .apps()
        .deployments()
        .inNamespace(namespace)
        .withName(nameOf("server"))
        .get()
        .getSpec()
        .getReplicas();
  }

  /** The ids that Consul has. */
  Set<String> registered() throws IOException {
    String consul = names("consul").get(0);
    Set<String> ids = new TreeSet<>();
    JSON.readTree(ask(consul, 8500, "GET", "/v1/health/service/" + SERVICE, ""))
        .forEach(entry -> ids.add(entry.at("/Service/ID").asText()));
    return ids;
  }

  /** As a crash of its node would end it: at once, without a drain. */
  void kill(String pod) {
    client.pods().inNamespace(namespace).withName(pod).withGracePeriod(0).delete();
  }

  // ------------------------------------------------------------ what they say

  /** Asks a port of a pod's by HTTP. */
  String ask(String pod, int podPort, String method, String path, String body) throws IOException {
    try (LocalPortForward forward =
        client.pods().inNamespace(namespace).withName(pod).portForward(podPort)) {
      HttpResponse<String> answer =
          HTTP.send(
              HttpRequest.newBuilder(
                      URI.create("http://127.0.0.1:" + forward.getLocalPort() + path))
                  .timeout(Patience.LONG)
                  .method(method, HttpRequest.BodyPublishers.ofString(body))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      return answer.body();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /** What each control plane's /fleet shows. */
  List<JsonNode> fleets() throws IOException {
    List<JsonNode> fleets = new ArrayList<>();
    for (String pod : names("control-plane")) {
      fleets.add(JSON.readTree(ask(pod, 18080, "GET", "/fleet", "")));
    }
    return fleets;
  }

  /** The servers as a control plane sees them, by id. */
  private Map<String, JsonNode> servers() throws IOException {
    Map<String, JsonNode> servers = new TreeMap<>();
    JsonNode fleet = JSON.readTree(ask(names("control-plane").get(0), 18080, "GET", "/fleet", ""));
    fleet.at("/services/0/servers").forEach(s -> servers.put(s.path("id").asText(), s));
    return servers;
  }

  /** Those that are closed by an order, or drain. */
  Set<String> draining() throws IOException {
    Set<String> draining = new TreeSet<>();
    servers()
        .forEach(
            (id, server) -> {
              if (server.path("draining").asBoolean()) {
                draining.add(id);
              }
            });
    return draining;
  }

  /** Waits until the Envoy has a server as open to new clients, or closed. */
  void awaitOpen(String id, boolean open) {
    await(id + (open ? " open" : " closed"))
        .atMost(LONG)
        .ignoreExceptions()
        .until(
            () -> {
              JsonNode clusters =
                  JSON.readTree(
                      ask(names("envoy").get(0), adminPort, "GET", "/clusters?format=json", ""));
              return (open ? "HEALTHY" : "DEGRADED")
                  .equals(
                      RealEnvoy.serversIn(clusters, SERVICE)
                          .get(servers().get(id).path("address").asText()));
            });
  }

  /** What a stand-in is to report of its health. */
  void health(String server, String health) throws IOException {
    ask(server, 7072, "PUT", "/health", health);
  }

  /** Clients of the release's Envoy. */
  Clients clients() throws IOException {
    if (clients == null) {
      String node =
          kubernetes.isOurs() && !kubernetes.isIpv6Alone()
              ? "127.0.0.1"
              : Objects.requireNonNull(pods("envoy").get(0).getStatus().getHostIP());
      clients = new Clients(new InetSocketAddress(node, port), 1, kubernetes.clientNetwork());
    }
    return clients;
  }

  /** How the pods are, for an error message. */
  String describe() {
    StringBuilder text = new StringBuilder();
    for (Pod pod : client.pods().inNamespace(namespace).list().getItems()) {
      String name = pod.getMetadata().getName();
      text.append(name).append(" is ").append(pod.getStatus().getPhase()).append('\n');
      Stream.concat(
              pod.getStatus().getInitContainerStatuses().stream(),
              pod.getStatus().getContainerStatuses().stream())
          .forEach(
              c -> {
                text.append("  ").append(c.getName()).append(": ").append(c.getState());
                text.append('\n').append(log(name, c.getName())).append('\n');
              });
    }
    client.v1().events().inNamespace(namespace).list().getItems().stream()
        .filter(e -> "Warning".equals(e.getType()))
        .forEach(e -> text.append(e.getReason()).append(": ").append(e.getMessage()).append('\n'));
    return text.toString();
  }

  private String log(String pod, String container) {
    try {
      return client
          .pods()
          .inNamespace(namespace)
          .withName(pod)
          .inContainer(container)
          .tailingLines(8)
          .getLog();
    } catch (KubernetesClientException e) {
      return "(no log: " + e.getMessage() + ")";
    }
  }

  /** Everything in the namespace but what Kubernetes itself puts into each, and Events. */
  List<String> leftBehind() throws IOException {
    String kinds =
        kubectl("api-resources", "--verbs=list", "--namespaced", "--output=name")
            .lines()
            .filter(kind -> !kind.startsWith("events"))
            .reduce((a, b) -> a + "," + b)
            .orElseThrow();
    return kubectl("get", kinds, "--output=name", "--ignore-not-found")
        .lines()
        .filter(
            line ->
                !line.startsWith("Warning: ")
                    && !line.equals("configmap/kube-root-ca.crt")
                    && !line.equals("serviceaccount/default"))
        .toList();
  }

  static String nameOf(String component) {
    return NAME + "-" + component;
  }

  @Override
  public void close() throws IOException {
    if (clients != null) {
      clients.close();
    }
    client.pods().inNamespace(namespace).withGracePeriod(0).delete();
    client.namespaces().withName(namespace).delete();
    client.close();
    Files.deleteIfExists(values);
    RealKubernetes.endTurn();
  }
}
