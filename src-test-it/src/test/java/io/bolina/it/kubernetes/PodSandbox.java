package io.bolina.it.kubernetes;

import static org.awaitility.Awaitility.await;

import io.bolina.it.Patience;
import io.bolina.registry.consul.ConsulCatalog;
import io.bolina.registry.consul.ConsulDrainOrders;
import io.bolina.registry.consul.ConsulGoneReports;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminAccess;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.RealPart;
import io.bolina.watcher.Leadership;
import io.bolina.watcher.RegistryWriters;
import io.bolina.watcher.Watcher;
import io.bolina.watcher.WatcherConfig;
import io.bolina.watcher.Workload;
import io.bolina.watcher.kubernetes.KubernetesApi;
import io.bolina.watcher.kubernetes.KubernetesWorkload;
import io.bolina.watcher.kubernetes.TargetName;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Real pods in a namespace of their own, and a real Consul in which each pod has a server. The pods
 * only wait; what their servers say to Consul is said here, so that a test can make them as loaded
 * and as ill as it likes.
 *
 * <pre>{@code
 * try (PodSandbox pods = new PodSandbox()) {
 *   pods.deployment(3);
 *   pods.load("…", 0.95, 300);
 *   pods.watcher(new FastSettings());
 *   pods.awaitPods(4);
 * }
 * }</pre>
 */
final class PodSandbox implements AutoCloseable {
  /** What the deployment or the StatefulSet is called. */
  static final String NAME = "bolina";

  static final Duration LONG = Patience.LONG;

  private static final String GATE = "bolina.io/it";
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static RealConsul consul;

  private final String namespace =
      "bolina-it-" + ProcessHandle.current().pid() + "-" + NUMBER.incrementAndGet();
  private final ConsulApi registry;
  private final String service;
  private final RealKubernetes kubernetes;
  private final KubernetesClient client;
  private final Map<String, Server> servers = new ConcurrentHashMap<>();
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final Thread caretaker = new Thread(this::takeCare, "caretaker");
  private final Telemetry telemetry = Telemetry.create();
  private final AtomicLong looks = new AtomicLong();
  private volatile boolean closed;
  private volatile boolean registersNewPods = true;
  private volatile double loadOfNewPods;

  /** What the server of a pod says of itself. */
  private record Server(int port, double load, long sessions, String health, boolean ready) {}

  PodSandbox() throws IOException {
    this(consul().api());
  }

  /** A sandbox on a Consul of its own. Others use the cluster at the same time. */
  PodSandbox(ConsulApi registry) throws IOException {
    this.registry = registry;
    this.service = namespace;
    RealKubernetes.takePart();
    try {
      this.kubernetes = RealKubernetes.running();
      this.client = connect(kubernetes.kubeconfig());
      createNamespace();
    } catch (IOException | RuntimeException e) {
      RealKubernetes.endTurn();
      throw e;
    }
    caretaker.setDaemon(true);
    caretaker.start();
  }

  private void createNamespace() {
    client
        .namespaces()
        .resource(
            new NamespaceBuilder().withNewMetadata().withName(namespace).endMetadata().build())
        .create();
    await()
        .atMost(LONG)
        .until(
            () ->
                client.serviceAccounts().inNamespace(namespace).withName("default").get() != null);
  }

  private static KubernetesClient connect(Path kubeconfig) {
    Config config = Config.fromKubeconfig(kubeconfig.toFile());
    return new KubernetesClientBuilder().withConfig(config).build();
  }

  static synchronized RealConsul consul() throws IOException {
    if (consul == null) {
      consul =
          RealConsul.start(
              RealPart.CONSUL.installed(),
              Files.createTempDirectory("bolina-it-consul"),
              Optional.empty());
    }
    return consul;
  }

  ConsulApi registry() {
    return registry;
  }

  /** The Consul service of this sandbox alone. */
  String service() {
    return service;
  }

  String namespace() {
    return namespace;
  }

  KubernetesClient client() {
    return client;
  }

  RealKubernetes kubernetes() {
    return kubernetes;
  }

  PrometheusMeterRegistry meters() {
    return telemetry.meters();
  }

  // ------------------------------------------------------------ pods

  /** A deployment whose servers are registered as soon as their pods run. */
  void deployment(int replicas) {
    apply("apps/v1", "Deployment", replicas, "");
    awaitServers(replicas);
  }

  void statefulSet(int replicas) {
    apply("apps/v1", "StatefulSet", replicas, "podManagementPolicy: Parallel\n  serviceName: none");
    awaitServers(replicas);
  }

  /** Changes the deployment's template, which rolls it out. */
  void rollOut(int replicas) {
    apply("apps/v1", "Deployment", replicas, "minReadySeconds: 1");
  }

  private void apply(String apiVersion, String kind, int replicas, String more) {
    String image = System.getenv().getOrDefault("BOLINA_IT_PAUSE_IMAGE", pauseImage());
    create(
        """
        apiVersion: %s
        kind: %s
        metadata: {name: %s}
        spec:
          replicas: %d
          %s
          selector: {matchLabels: {app: %s}}
          template:
            metadata: {labels: {app: %s, more: "%s"}}
            spec:
              terminationGracePeriodSeconds: 1
              automountServiceAccountToken: false
              readinessGates: [{conditionType: %s}]
              containers: [{name: server, image: "%s", imagePullPolicy: IfNotPresent}]
        """
            .formatted(
                apiVersion,
                kind,
                NAME,
                replicas,
                more,
                NAME,
                NAME,
                Integer.toHexString(more.hashCode()),
                GATE,
                image));
  }

  private String pauseImage() {
    return kubernetes.isOurs() ? "localhost/pause:1" : "registry.k8s.io/pause:3.10";
  }

  /** Creates or changes an object given as YAML. */
  void create(String yaml) {
    client
        .load(new ByteArrayInputStream(yaml.getBytes(StandardCharsets.UTF_8)))
        .inNamespace(namespace)
        .serverSideApply();
  }

  /** The pods that are not being deleted, by name. */
  List<Pod> pods() {
    return client.pods().inNamespace(namespace).withLabel("app", NAME).list().getItems().stream()
        .filter(p -> p.getMetadata().getDeletionTimestamp() == null)
        .sorted(Comparator.comparing(p -> p.getMetadata().getName()))
        .toList();
  }

  Set<String> names() {
    return pods().stream()
        .map(p -> p.getMetadata().getName())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  int replicas() {
    return client
        .apps()
        .deployments()
        .inNamespace(namespace)
        .withName(NAME)
        .get()
        .getSpec()
        .getReplicas();
  }

  /** Says how many there are to be, as somebody might. */
  void scale(int replicas) {
    client
        .apps()
        .deployments()
        .inNamespace(namespace)
        .withName(NAME)
        .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"replicas\":" + replicas + "}}");
  }

  void awaitPods(int count) {
    await("pods: " + count).atMost(LONG).ignoreExceptions().until(() -> names().size() == count);
  }

  /** Waits until so many pods run, are ready and have their servers registered. */
  void awaitServers(int count) {
    await("servers: " + count)
        .atMost(LONG)
        .ignoreExceptions()
        .until(
            () ->
                pods().stream().filter(PodSandbox::isReady).count() == count
                    && servers.keySet().containsAll(names()));
  }

  static boolean isReady(Pod pod) {
    return pod.getStatus().getConditions().stream()
        .anyMatch(c -> c.getType().equals("Ready") && c.getStatus().equals("True"));
  }

  /** From now on the servers of new pods are not registered, or they are. */
  void registerNewPods(boolean register) {
    registersNewPods = register;
  }

  void loadOfNewPods(double load) {
    loadOfNewPods = load;
  }

  // ------------------------------------------------------------ servers

  void load(String pod, double load, long sessions) throws IOException {
    change(pod, s -> new Server(s.port(), load, sessions, s.health(), s.ready()));
  }

  /** The same while the API server is out of reach. */
  void sayLoad(String pod, double load, long sessions) throws IOException {
    registry().load(service(), pod, load, sessions);
  }

  void loadAll(double load, long sessions) throws IOException {
    for (String pod : names()) {
      load(pod, load, sessions);
    }
  }

  void health(String pod, String health) throws IOException {
    change(pod, s -> new Server(s.port(), s.load(), s.sessions(), health, s.ready()));
  }

  void ready(String pod, boolean ready) throws IOException {
    change(pod, s -> new Server(s.port(), s.load(), s.sessions(), s.health(), ready));
    await()
        .atMost(LONG)
        .until(() -> isReady(client.pods().inNamespace(namespace).withName(pod).get()) == ready);
  }

  private void change(String pod, UnaryOperator<Server> change) throws IOException {
    Server next = servers.compute(pod, (name, now) -> change.apply(now));
    say(pod, next);
  }

  private void say(String pod, Server server) throws IOException {
    registry().load(service(), pod, server.load(), server.sessions());
    registry().health(pod, server.health(), "");
    client
        .pods()
        .inNamespace(namespace)
        .withName(pod)
        .subresource("status")
        .patch(
            PatchContext.of(PatchType.STRATEGIC_MERGE),
            "{\"status\":{\"conditions\":[{\"type\":\""
                + GATE
                + "\",\"status\":\""
                + (server.ready() ? "True" : "False")
                + "\"}]}}");
  }

  /** Pods whose nodes are to be kept. */
  Set<String> kept() {
    Set<String> names = new TreeSet<>();
    for (Pod pod : pods()) {
      Map<String, String> annotations = pod.getMetadata().getAnnotations();
      if (annotations != null && "true".equals(annotations.get("karpenter.sh/do-not-disrupt"))) {
        names.add(pod.getMetadata().getName());
      }
    }
    return names;
  }

  /** Servers that are closed by an order. */
  Set<String> ordered() throws IOException {
    try {
      String prefix = "bolina/drain/" + service() + "/";
      Set<String> ids = new TreeSet<>();
      registry()
          .get("/v1/kv/" + prefix + "?keys")
          .forEach(key -> ids.add(key.asText().substring(prefix.length())));
      return ids;
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).contains(" 404")) {
        return Set.of();
      }
      throw e;
    }
  }

  /** What agents do: registers the server of each pod that runs, deregisters those of others. */
  private void takeCare() {
    while (!closed) {
      try {
        Set<String> alive = new TreeSet<>();
        for (Pod pod : pods()) {
          String name = pod.getMetadata().getName();
          alive.add(name);
          boolean runs = "Running".equals(pod.getStatus().getPhase());
          if (runs && registersNewPods && !servers.containsKey(name)) {
            int port = 10_000 + NUMBER.incrementAndGet();
            Server server = new Server(port, loadOfNewPods, 0, "passing", true);
            registry().register(service(), name, "127.0.0.1", port);
            say(name, server);
            servers.put(name, server);
          }
        }
        for (String name : List.copyOf(servers.keySet())) {
          if (!alive.contains(name)) {
            registry().deregister(name);
            registry().deleteKey("bolina/load/" + service() + "/" + name);
            servers.remove(name);
          }
        }
        Thread.sleep(300);
      } catch (IOException | KubernetesClientException e) {
        pause(); // Consul or the API server is out of reach, as a test has it
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(200);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // ------------------------------------------------------------ Watchers

  /** A Watcher that leads without an election. */
  Watcher watcher(FastSettings settings) throws IOException {
    return watcher(settings, "deployment/" + NAME, false);
  }

  Watcher watcher(FastSettings settings, String target, boolean dryRun) throws IOException {
    return watcher(
        settings, target, dryRun, kubernetes.kubeconfig(), api -> Leadership.withoutElection());
  }

  Watcher watcher(
      FastSettings settings,
      String target,
      boolean dryRun,
      Path kubeconfig,
      Function<KubernetesApi, Leadership> election)
      throws IOException {
    return watcher(settings, target, dryRun, kubeconfig, election, workload -> workload, telemetry);
  }

  /** The same, with a workload that a test has a hand in, and a clock of its own. */
  Watcher watcher(
      FastSettings settings,
      String target,
      boolean dryRun,
      Path kubeconfig,
      Function<KubernetesApi, Leadership> election,
      UnaryOperator<Workload> workloads,
      Telemetry telemetry)
      throws IOException {
    ConsulSettings access = ConsulSettings.at(registry().url()).withWait(Duration.ofSeconds(2));
    KubernetesApi api = KubernetesApi.connect(Optional.of(kubeconfig), Optional.of(namespace));
    KubernetesWorkload workload =
        new KubernetesWorkload(api, TargetName.parse(target), telemetry.clock());
    ConsulRegistry registry = new ConsulRegistry(access, FleetSettings.DEFAULTS, telemetry);
    ConsulDrainOrders drainOrders = new ConsulDrainOrders(access);
    ConsulGoneReports goneReports = new ConsulGoneReports(access);
    ConsulCatalog catalog = new ConsulCatalog(access);
    Watcher watcher =
        Watcher.start(
            new WatcherConfig(
                service(),
                settings.build("watcher of " + namespace),
                Duration.ofMillis(600),
                dryRun,
                "127.0.0.1",
                0,
                AdminAccess.DEFAULTS),
            registry,
            new RegistryWriters(drainOrders, goneReports, catalog),
            workloads.apply(countingRounds(workload)),
            election.apply(api),
            telemetry);
    parts.push(workload);
    parts.push(drainOrders);
    parts.push(goneReports);
    parts.push(catalog);
    parts.push(registry);
    parts.push(watcher);
    return watcher;
  }

  /** Waits until a Watcher's current plan has some words. */
  static void awaitWords(Watcher watcher, String... words) {
    try {
      await()
          .atMost(LONG)
          .until(
              () -> {
                String explanation = watcher.explain();
                return List.of(words).stream().allMatch(explanation::contains);
              });
    } catch (ConditionTimeoutException e) {
      throw new AssertionError(
          "waited in vain for the words " + List.of(words) + "; it says\n" + watcher.explain(), e);
    }
  }

  /** The workload, of which it is counted how often a Watcher looks at it: once a round. */
  private Workload countingRounds(Workload workload) {
    return (Workload)
        Proxy.newProxyInstance(
            Workload.class.getClassLoader(),
            new Class<?>[] {Workload.class},
            (proxy, method, arguments) -> {
              if (method.getParameterCount() == 0 && method.getReturnType() != void.class) {
                looks.incrementAndGet(); // the one method that reads
              }
              try {
                return method.invoke(workload, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** Something holds from now on until the Watcher has completed three further rounds. */
  void holdsForThreeRounds(String what, Callable<Boolean> condition) {
    // It looks at the beginning of a round, so with the fourth look three are over.
    long enough = looks.get() + 4;
    await("three further rounds")
        .atMost(LONG)
        .until(
            () -> {
              boolean over = looks.get() >= enough;
              if (!condition.call()) {
                throw new AssertionError("no longer: " + what);
              }
              return over;
            });
  }

  /** The Events on the target, reason and message. */
  List<String> events() {
    return client.v1().events().inNamespace(namespace).list().getItems().stream()
        .filter(e -> "bolina-watcher".equals(e.getSource().getComponent()))
        .filter(e -> NAME.equals(e.getInvolvedObject().getName()))
        .sorted(Comparator.comparing(PodSandbox::version))
        .map(e -> e.getReason() + ": " + e.getMessage())
        .toList();
  }

  /** When a kind of note was first left on the target, to the second. */
  Optional<Instant> firstNoted(String kind) {
    return client.v1().events().inNamespace(namespace).list().getItems().stream()
        .filter(e -> kind.equals(e.getReason()) && NAME.equals(e.getInvolvedObject().getName()))
        .map(e -> Instant.parse(e.getFirstTimestamp()))
        .min(Comparator.naturalOrder());
  }

  private static long version(Event event) {
    return Long.parseLong(event.getMetadata().getResourceVersion());
  }

  @Override
  public void close() {
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        throw new IllegalStateException("a part of the sandbox cannot be closed", e);
      }
    }
    closed = true;
    caretaker.interrupt();
    for (String name : servers.keySet()) {
      try {
        registry().deregister(name);
      } catch (IOException e) {
        // Deregistered already, or Consul is gone.
      }
    }
    client.namespaces().withName(namespace).delete();
    client.close();
    try {
      RealKubernetes.endTurn();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
