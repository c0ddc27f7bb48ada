package io.bolina.it.kubernetes;

import static io.bolina.it.kubernetes.PodSandbox.LONG;
import static io.bolina.it.kubernetes.PodSandbox.awaitWords;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.Installation;
import io.bolina.runtime.Telemetry;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.watcher.Leadership;
import io.bolina.watcher.Watcher;
import io.bolina.watcher.Workload;
import io.bolina.watcher.WorkloadRequestFailed;
import io.bolina.watcher.kubernetes.KubernetesApi;
import io.bolina.watcher.kubernetes.KubernetesWorkload;
import io.bolina.watcher.kubernetes.LeaseLeadership;
import io.bolina.watcher.kubernetes.TargetName;
import io.bolina.watcher.planning.PlanStep;
import io.fabric8.kubernetes.api.model.authentication.TokenRequest;
import io.fabric8.kubernetes.api.model.authentication.TokenRequestBuilder;
import io.fabric8.kubernetes.client.Config;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a scale-down when something fails in the middle of it. */
class WatcherFaultIT {
  @TempDir private Path directory;
  private PodSandbox pods;
  private final List<BolinaProcess> processes = new ArrayList<>();

  /** Parts of the cluster are stopped here. */
  @BeforeAll
  static void alone() throws IOException {
    RealKubernetes.takeAlone();
  }

  @AfterAll
  static void othersAgain() throws IOException {
    RealKubernetes.endTurn();
  }

  @BeforeEach
  void open() throws IOException {
    pods = new PodSandbox();
  }

  @AfterEach
  void close() {
    processes.forEach(BolinaProcess::close);
    pods.close();
  }

  @Test
  void a_leader_is_killed_in_the_middle_of_a_drain_and_the_next_one_goes_on_with_it()
      throws Exception {
    pods.deployment(3);
    pods.loadAll(0.15, 15);
    Path kubeconfig = kubeconfig("bolina-watcher", role());
    BolinaProcess first = process("first", kubeconfig);
    awaitWith(first, () -> pods.ordered().size() == 2);
    Set<String> draining = pods.ordered();
    BolinaProcess second = process("second", kubeconfig);
    awaitWith(second, () -> pages(second).text("/explain").contains("standby; leader is "));

    first.child().kill();
    awaitWith(second, () -> pages(second).text("/explain").contains("\nleader\n"));
    // Three rounds of the new leader's, each of which saw something new.
    for (int sessions = 14; sessions >= 12; sessions--) {
      for (String pod : draining) {
        pods.load(pod, 0.15, sessions);
      }
      String seen = "waits for " + sessions + " sessions to end";
      awaitWith(second, () -> pages(second).text("/explain").contains(seen));
      assertThat(pods.ordered()).isEqualTo(draining);
      assertThat(pods.replicas()).isEqualTo(3);
    }
    assertThat(explain(second))
        .contains("current   3, 2 of them being removed")
        .contains("waits for 12 sessions to end");

    for (String pod : draining) {
      pods.load(pod, 0, 0);
    }
    pods.awaitPods(1);
    assertThat(pods.names()).doesNotContainAnyElementsOf(draining);
    assertThat(second.child().terminate()).isZero();
    assertThat(second.child().log())
        .doesNotContain("permission denied")
        .doesNotContain("missing Kubernetes permissions")
        .doesNotContain(" ERROR ");
  }

  @Test
  void a_leader_whose_loop_hangs_loses_its_lease_and_another_takes_over() throws Exception {
    pods.deployment(2);
    pods.loadAll(0.6, 60);
    AdvancingClock clock = new AdvancingClock();
    CountDownLatch goOn = new CountDownLatch(1);
    AtomicBoolean hangs = new AtomicBoolean();
    try {
      Watcher first =
          pods.watcher(
              new FastSettings(),
              "deployment/bolina",
              false,
              pods.kubernetes().kubeconfig(),
              api -> lease(api, "first"),
              real -> hanging(real, hangs, goOn),
              Telemetry.create(clock));
      awaitWords(first, "\nleader\n");
      Watcher second =
          pods.watcher(
              new FastSettings(),
              "deployment/bolina",
              false,
              pods.kubernetes().kubeconfig(),
              api -> lease(api, "second"));
      awaitWords(second, "standby; leader is first");

      hangs.set(true);
      clock.advance(Duration.ofMinutes(4));
      awaitWords(second, "\nleader\n");
      awaitWords(first, "standby; leader is second");
    } finally {
      goOn.countDown();
    }
  }

  private static Leadership lease(KubernetesApi api, String identity) {
    return new LeaseLeadership(
        api, "bolina-watcher-hangs", Optional.empty(), identity, Duration.ofSeconds(4));
  }

  /** A workload that hangs when it is observed, from a moment on. */
  private static Workload hanging(Workload real, AtomicBoolean hangs, CountDownLatch goOn) {
    return (Workload)
        Proxy.newProxyInstance(
            Workload.class.getClassLoader(),
            new Class<?>[] {Workload.class},
            (proxy, method, arguments) -> {
              if (hangs.get() && method.getName().equals("observe")) {
                goOn.await();
              }
              try {
                return method.invoke(real, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** The machine's clock, put forward at times. */
  private static final class AdvancingClock extends Clock {
    private volatile Duration ahead = Duration.ZERO;

    private void advance(Duration time) {
      ahead = ahead.plus(time);
    }

    @Override
    public Instant instant() {
      return Clock.systemUTC().instant().plus(ahead);
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      throw new UnsupportedOperationException();
    }
  }

  @Test
  void the_api_server_is_restarted_in_the_middle_of_a_drain() throws Exception {
    Assumptions.assumeTrue(
        pods.kubernetes().isOurs(),
        "NOT TRIED: the API server of the cluster that KUBECONFIG names is not ours to restart");
    pods.deployment(2);
    pods.loadAll(0.15, 15);
    Watcher watcher = pods.watcher(new FastSettings());
    await().atMost(LONG).until(() -> pods.ordered().size() == 1);
    String draining = pods.ordered().iterator().next();

    pods.kubernetes().kill("apiserver");
    try {
      awaitWords(watcher, "SUSPENDED: cannot read deployment/bolina: no response from ");
      pods.sayLoad(draining, 0, 0);
    } finally {
      pods.kubernetes().start("apiserver");
    }
    pods.awaitPods(1);
    assertThat(pods.names()).doesNotContain(draining);
    assertThat(
            pods.meters().counter("bolina.watcher.events", "reason", "WorkloadAvailable").count())
        .isEqualTo(1);
  }

  @Test
  void while_consul_is_out_of_reach_nothing_is_changed() throws Exception {
    try (RealConsul consul =
            RealConsul.start(
                RealPart.CONSUL.installed(), directory.resolve("consul"), Optional.empty());
        PodSandbox own = new PodSandbox(consul.api())) {
      own.deployment(2);
      own.loadAll(0.15, 15);
      Watcher watcher = own.watcher(new FastSettings());
      await().atMost(LONG).until(() -> own.ordered().size() == 1);
      consul.kill();
      awaitWords(watcher, "SUSPENDED: registry unavailable (");
      assertThat(own.replicas()).isEqualTo(2);
      consul.start();
      for (String name : own.names()) {
        own.load(name, 0, 0);
      }
      own.awaitPods(1);
    }
  }

  @Test
  void a_missing_permission_is_named_as_the_rule_to_add() throws Exception {
    pods.deployment(2);
    pods.loadAll(0.95, 300);
    String without =
        role()
            .replace(
                "resources: [\"deployments/scale\"], verbs: [\"get\", \"update\"]",
                "resources: [\"deployments/scale\"], verbs: [\"get\"]")
            .replace(
                "- {apiGroups: [\"policy\"], resources: [\"poddisruptionbudgets\"], verbs: [\"list\"]}\n",
                "");
    Path kubeconfig = kubeconfig("bolina-watcher", without);
    Watcher watcher =
        pods.watcher(
            new FastSettings(),
            "deployment/bolina",
            false,
            kubeconfig,
            api -> Leadership.withoutElection());
    awaitWords(
        watcher,
        "SUSPENDED: cannot list PodDisruptionBudgets: permission denied (403). The Role in namespace "
            + pods.namespace()
            + " needs the rule {apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: ['list']}");
    BolinaProcess process = process("asks", kubeconfig);
    await()
        .atMost(LONG)
        .until(() -> process.child().log().contains("missing Kubernetes permissions"));
    assertThat(process.child().log())
        .contains(
            "{apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['update'], resourceNames: ['bolina']}")
        .contains("{apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: ['list']}");
    assertThat(pods.replicas()).isEqualTo(2);
  }

  @Test
  void what_somebody_else_has_changed_meanwhile_is_not_overwritten() throws Exception {
    pods.deployment(2);
    try (KubernetesWorkload workload =
        new KubernetesWorkload(
            KubernetesApi.connect(
                Optional.of(pods.kubernetes().kubeconfig()), Optional.of(pods.namespace())),
            TargetName.parse("deployment/bolina"),
            Clock.systemUTC())) {
      workload.observe();
      pods.client().apps().deployments().inNamespace(pods.namespace()).withName("bolina").scale(3);
      assertThatThrownBy(() -> workload.setReplicas(new PlanStep.SetReplicas(2, 1, "")))
          .isInstanceOf(WorkloadRequestFailed.class)
          .hasMessageContaining("it was changed meanwhile");
      String pod = pods.names().iterator().next();
      assertThatThrownBy(
              () ->
                  workload.mark(
                      new PlanStep.MarkPod(pod, "another-uid", OptionalInt.of(-1), Map.of(), "")))
          .isInstanceOf(WorkloadRequestFailed.class);
      assertThatThrownBy(() -> workload.evict(new PlanStep.EvictPod(pod, "another-uid", "")))
          .isInstanceOf(WorkloadRequestFailed.class);
      assertThat(pods.replicas()).isEqualTo(3);
      assertThat(pods.names()).contains(pod);
    }
  }

  /** The Role of docs/watcher.md, which must be enough. */
  private static String role() throws IOException {
    Matcher yaml =
        Pattern.compile("```yaml\\n(apiVersion: rbac.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Installation.home().resolve("docs/watcher.md")));
    assertThat(yaml.find()).as("a Role in docs/watcher.md").isTrue();
    return yaml.group(1);
  }

  /** How a service account with that Role gets in. */
  private Path kubeconfig(String account, String role) throws IOException {
    pods.create("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: " + account + "}\n");
    pods.create(role);
    pods.create(
        """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: %s}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: bolina-watcher}
        subjects: [{kind: ServiceAccount, name: %s}]
        """
            .formatted(account, account));
    TokenRequest token =
        pods.client()
            .serviceAccounts()
            .inNamespace(pods.namespace())
            .withName(account)
            .tokenRequest(
                new TokenRequestBuilder()
                    .withNewSpec()
                    .withExpirationSeconds(3600L)
                    .endSpec()
                    .build());
    Config config = pods.client().getConfiguration();
    return Files.writeString(
        directory.resolve(account + ".conf"),
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: c, cluster: {server: "%s", certificate-authority-data: "%s"}}]
        users: [{name: u, user: {token: "%s"}}]
        contexts: [{name: d, context: {cluster: c, user: u, namespace: "%s"}}]
        current-context: d
        """
            .formatted(
                config.getMasterUrl(),
                config.getCaCertData(),
                token.getStatus().getToken(),
                pods.namespace()));
  }

  /** A Watcher as an operator runs it, with its settings in a file. */
  private BolinaProcess process(String name, Path kubeconfig) throws IOException {
    Path config =
        Files.writeString(
            directory.resolve(name + ".yaml"),
            """
            consul: %s
            service: %s
            kubeconfig: %s
            target: deployment/bolina
            min: 1
            max: 5
            down-window: 2s
            down-rate: 100/1s
            settle: 1s
            interval: 600ms
            lease-duration: 4s
            """
                .formatted(pods.registry().url(), pods.service(), kubeconfig));
    BolinaProcess process =
        BolinaProcess.start(
            directory.resolve(name + ".log"),
            "watcher",
            "--config",
            config.toString(),
            "--admin",
            new HostPort("127.0.0.1", FreePort.tcp()).toString());
    processes.add(process);
    return process;
  }

  private static void awaitWith(BolinaProcess process, Callable<Boolean> condition) {
    try {
      await().atMost(LONG).ignoreExceptions().until(condition);
    } catch (ConditionTimeoutException e) {
      throw new AssertionError(process.child().lastWords(), e);
    }
  }

  private static AdminPages pages(BolinaProcess process) {
    return process.admin();
  }

  /** What {@code ./bolina watcher explain} prints. */
  private String explain(BolinaProcess process) throws Exception {
    Path log = directory.resolve("explain.log");
    try (BolinaProcess explain =
        BolinaProcess.start(
            log, "watcher", "explain", "--watcher", "http://" + process.admin().at())) {
      await().atMost(LONG).until(() -> !explain.child().isAlive());
    }
    return Files.readString(log);
  }
}
