package io.bolina.registry.consul;

import com.orbitz.consul.Consul;
import com.orbitz.consul.ConsulException;
import io.bolina.registry.RegistryWriteFailed;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Requests that are answered at once, mostly writes, and what an operator needs to know if they
 * fail.
 */
final class ConsulRequests {
  private final ConsulSettings settings;
  private final Consul consul;

  ConsulRequests(ConsulSettings settings) {
    this.settings = settings;
    Consul.Builder builder =
        Consul.builder()
            .withPing(false)
            .withConnectTimeoutMillis(2_000)
            .withReadTimeoutMillis(5_000)
            .withWriteTimeoutMillis(5_000);
    ConsulAccess.configure(builder, settings);
    settings.token().ifPresent(token -> builder.withHeaders(Map.of(ConsulAccess.TOKEN, token)));
    this.consul = builder.build();
  }

  Consul consul() {
    return consul;
  }

  /**
   * Makes a request.
   *
   * @param what it is to do, as it completes "cannot"
   * @param right what the ACL token needs for it
   * @throws RegistryWriteFailed if Consul does not take it
   */
  <T> T make(String what, String right, Supplier<T> request) {
    try {
      return request.get();
    } catch (ConsulException e) {
      throw new RegistryWriteFailed(
          "cannot " + what + " at " + settings.url() + ": " + reason(e, right), e);
    }
  }

  private String reason(ConsulException e, String right) {
    if (e.getCode() == 403) {
      return "permission denied (403): the ACL token (consul-token-file) needs " + right;
    }
    if (e.getCode() != 0) {
      return "status " + e.getCode() + ": " + e.getMessage();
    }
    Throwable cause = e.getCause() == null ? e : e.getCause();
    String message =
        cause.getMessage() == null
            ? "no details"
            : cause.getMessage().lines().findFirst().orElse("");
    return cause.getClass().getSimpleName()
        + ": "
        + message
        + ConsulAccess.tlsHint(settings.url(), cause);
  }
}
