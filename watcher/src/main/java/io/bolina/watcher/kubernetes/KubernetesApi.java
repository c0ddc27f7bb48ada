package io.bolina.watcher.kubernetes;

import io.bolina.watcher.WorkloadFault;
import io.bolina.watcher.WorkloadFault.Kind;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReview;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReviewBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A connection to a Kubernetes API, and what an operator needs to know when it fails. */
public final class KubernetesApi implements AutoCloseable {
  private static final Pattern FORBIDDEN =
      Pattern.compile("cannot (\\w+) resource \"([^\"]+)\" in API group \"([^\"]*)\"");
  private static final int REQUEST_TIMEOUT_MILLIS = 10_000;
  private static final int RETRIES = 2;

  /** Where the client looks if nothing tells it where to. */
  private static final String DEFAULT_HOST = "//kubernetes.default.svc";

  private final KubernetesClient client;
  private final String namespace;

  private KubernetesApi(KubernetesClient client, String namespace) {
    this.client = client;
    this.namespace = namespace;
  }

  /**
   * Connects, which asks nothing yet.
   *
   * @param kubeconfig the file to go by; else KUBECONFIG, ~/.kube/config, or the service account of
   *     this pod
   * @param namespace where the target is; empty for the one that the configuration names
   * @throws IllegalArgumentException if there is no such file, nor a service account
   */
  public static KubernetesApi connect(Optional<Path> kubeconfig, Optional<String> namespace) {
    Config config =
        kubeconfig
            .map(file -> Config.fromKubeconfig(file.toFile()))
            .orElseGet(() -> Config.autoConfigure(null));
    boolean nowhere = config.getMasterUrl().contains(DEFAULT_HOST);
    if (nowhere && System.getenv("KUBERNETES_SERVICE_HOST") == null) {
      throw new IllegalArgumentException(
          kubeconfig.isPresent()
              ? kubeconfig.get() + " names no cluster"
              : "how to reach Kubernetes is not known: KUBECONFIG names no file that can be read, there is no ~/.kube/config,"
                  + " and this is no pod. Give --kubeconfig FILE");
    }
    // A reckoning comes round every few seconds anyway: a request that fails twice is a fault.
    config.setRequestTimeout(REQUEST_TIMEOUT_MILLIS);
    config.setConnectionTimeout(REQUEST_TIMEOUT_MILLIS);
    config.setRequestRetryBackoffLimit(RETRIES);
    String in = namespace.or(() -> Optional.ofNullable(config.getNamespace())).orElse("default");
    return new KubernetesApi(new KubernetesClientBuilder().withConfig(config).build(), in);
  }

  KubernetesClient client() {
    return client;
  }

  /** The namespace that everything is about. */
  public String namespace() {
    return namespace;
  }

  /** Where it is. */
  public String url() {
    return String.valueOf(client.getMasterUrl());
  }

  /**
   * Makes a request.
   *
   * @param what it is to do, as it completes "cannot"
   * @param right what it needs
   * @throws WorkloadFault if it fails
   */
  <T> T ask(String what, Right right, Supplier<T> request) {
    try {
      return request.get();
    } catch (KubernetesClientException e) {
      throw faultOf(what, right, e);
    }
  }

  /**
   * Which of some rights are missing, by Kubernetes' own word.
   *
   * @throws WorkloadFault if it cannot be had
   */
  List<Right> missing(List<Right> rights) {
    List<Right> missing = new ArrayList<>();
    for (Right right : rights) {
      int slash = right.resource().indexOf('/');
      SelfSubjectAccessReview review =
          new SelfSubjectAccessReviewBuilder()
              .withNewSpec()
              .withNewResourceAttributes()
              .withNamespace(namespace)
              .withVerb(right.verb())
              .withGroup(right.group())
              .withResource(slash < 0 ? right.resource() : right.resource().substring(0, slash))
              .withSubresource(slash < 0 ? null : right.resource().substring(slash + 1))
              .endResourceAttributes()
              .endSpec()
              .build();
      SelfSubjectAccessReview answer =
          ask(
              "ask what is allowed",
              right,
              () -> client.authorization().v1().selfSubjectAccessReview().create(review));
      if (answer.getStatus() == null || !Boolean.TRUE.equals(answer.getStatus().getAllowed())) {
        missing.add(right);
      }
    }
    return missing;
  }

  private WorkloadFault faultOf(String what, Right right, KubernetesClientException e) {
    String cannot = "cannot " + what + ": ";
    int code = e.getCode();
    if (code == 401) {
      return new WorkloadFault(
          Kind.FORBIDDEN,
          cannot + "Kubernetes does not know who asks (401): is the token valid?",
          e);
    }
    if (code == 403) {
      return new WorkloadFault(
          Kind.FORBIDDEN,
          cannot
              + "Kubernetes forbids it (403). The Role in "
              + namespace
              + " needs "
              + refused(e).orElse(right),
          e);
    }
    if (code == 404) {
      return new WorkloadFault(Kind.NOT_FOUND, cannot + "it is not there (404)", e);
    }
    if (code == 409) {
      return new WorkloadFault(Kind.CONFLICT, cannot + "it was changed meanwhile (409)", e);
    }
    if (code == 429 && right.equals(Right.EVICT_PODS)) {
      return new WorkloadFault(
          Kind.BUDGET, cannot + "a PodDisruptionBudget does not allow it: " + said(e), e);
    }
    if (code == 429) {
      return new WorkloadFault(Kind.UNAVAILABLE, cannot + "Kubernetes asks to slow down (429)", e);
    }
    if (code <= 0 || code >= 500) {
      return new WorkloadFault(
          Kind.UNAVAILABLE, cannot + "no answer from " + url() + ": " + said(e), e);
    }
    return new WorkloadFault(Kind.REFUSED, cannot + "status " + code + ": " + said(e), e);
  }

  /** The right that Kubernetes itself says is missing. */
  private static Optional<Right> refused(KubernetesClientException e) {
    Matcher said = FORBIDDEN.matcher(said(e));
    return said.find()
        ? Optional.of(new Right(said.group(1), said.group(3), said.group(2)))
        : Optional.empty();
  }

  private static String said(KubernetesClientException e) {
    if (e.getStatus() != null && e.getStatus().getMessage() != null) {
      return e.getStatus().getMessage();
    }
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String message = String.valueOf(root.getMessage()).lines().findFirst().orElse("");
    return message.equals("null") ? root.getClass().getSimpleName() : message;
  }

  @Override
  public void close() {
    client.close();
  }
}
