package io.bolina.watcher.kubernetes;

import io.bolina.watcher.WorkloadRequestFailed;
import io.bolina.watcher.WorkloadRequestFailed.Kind;
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

/** A connection to a Kubernetes API, and error messages an operator can act upon. */
public final class KubernetesApi implements AutoCloseable {
  private static final Pattern FORBIDDEN =
      Pattern.compile("cannot (\\w+) resource \"([^\"]+)\" in API group \"([^\"]*)\"");
  private static final int REQUEST_TIMEOUT_MILLIS = 10_000;
  private static final int RETRIES = 2;

  /** Where the client connects to without a configuration. */
  private static final String DEFAULT_HOST = "//kubernetes.default.svc";

  private final KubernetesClient client;
  private final String namespace;

  private KubernetesApi(KubernetesClient client, String namespace) {
    this.client = client;
    this.namespace = namespace;
  }

  /**
   * Connects lazily: no request is made yet.
   *
   * @param kubeconfig the file to use; else KUBECONFIG, ~/.kube/config, or the service account of
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
              : "no Kubernetes configuration: KUBECONFIG names no readable file, there is no ~/.kube/config,"
                  + " and this is not a pod. Give --kubeconfig FILE");
    }
    // Everything is asked for again in a few seconds: a request that fails so often is a failure.
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

  /** The API server's URL. */
  public String url() {
    return String.valueOf(client.getMasterUrl());
  }

  /**
   * Makes a request.
   *
   * @param what what it does, as it completes "cannot"
   * @param permission what it needs
   * @throws WorkloadRequestFailed if it fails
   */
  <T> T ask(String what, Permission permission, Supplier<T> request) {
    try {
      return request.get();
    } catch (KubernetesClientException e) {
      throw faultOf(what, permission, e);
    }
  }

  /**
   * Which of some permissions are missing, as Kubernetes sees it.
   *
   * @throws WorkloadRequestFailed if it does not answer
   */
  List<Permission> missing(List<Permission> permissions) {
    List<Permission> missing = new ArrayList<>();
    for (Permission permission : permissions) {
      int slash = permission.resource().indexOf('/');
      SelfSubjectAccessReview review =
          new SelfSubjectAccessReviewBuilder()
              .withNewSpec()
              .withNewResourceAttributes()
              .withNamespace(namespace)
              .withVerb(permission.verb())
              .withName(permission.name().isEmpty() ? null : permission.name())
              .withGroup(permission.group())
              .withResource(
                  slash < 0 ? permission.resource() : permission.resource().substring(0, slash))
              .withSubresource(slash < 0 ? null : permission.resource().substring(slash + 1))
              .endResourceAttributes()
              .endSpec()
              .build();
      SelfSubjectAccessReview answer =
          ask(
              "verify permissions",
              permission,
              () -> client.authorization().v1().selfSubjectAccessReview().create(review));
      if (answer.getStatus() == null || !Boolean.TRUE.equals(answer.getStatus().getAllowed())) {
        missing.add(permission);
      }
    }
    return missing;
  }

  private WorkloadRequestFailed faultOf(
      String what, Permission permission, KubernetesClientException e) {
    String cannot = "cannot " + what + ": ";
    int code = e.getCode();
    if (code == 401) {
      return new WorkloadRequestFailed(
          Kind.FORBIDDEN, cannot + "unauthorized (401): is the token valid?", e);
    }
    if (code == 403) {
      return new WorkloadRequestFailed(
          Kind.FORBIDDEN,
          cannot
              + "permission denied (403). The Role in namespace "
              + namespace
              + " needs the rule "
              + deniedBy(e).orElse(permission),
          e);
    }
    if (code == 404) {
      return new WorkloadRequestFailed(Kind.NOT_FOUND, cannot + "not found (404)", e);
    }
    if (code == 409) {
      return new WorkloadRequestFailed(
          Kind.CONFLICT, cannot + "conflict (409): it was changed meanwhile", e);
    }
    if (code == 429 && permission.equals(Permission.EVICT_PODS)) {
      return new WorkloadRequestFailed(
          Kind.BUDGET, cannot + "not allowed by a PodDisruptionBudget: " + messageOf(e), e);
    }
    if (code == 429) {
      return new WorkloadRequestFailed(
          Kind.UNAVAILABLE, cannot + "throttled by the API server (429)", e);
    }
    if (code <= 0 || code >= 500) {
      return new WorkloadRequestFailed(
          Kind.UNAVAILABLE, cannot + "no response from " + url() + ": " + messageOf(e), e);
    }
    return new WorkloadRequestFailed(
        Kind.REJECTED, cannot + "status " + code + ": " + messageOf(e), e);
  }

  /** The permission that Kubernetes itself says is missing. */
  private static Optional<Permission> deniedBy(KubernetesClientException e) {
    Matcher denied = FORBIDDEN.matcher(messageOf(e));
    return denied.find()
        ? Optional.of(new Permission(denied.group(1), denied.group(3), denied.group(2)))
        : Optional.empty();
  }

  private static String messageOf(KubernetesClientException e) {
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
