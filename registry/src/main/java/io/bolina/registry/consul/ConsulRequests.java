package io.bolina.registry.consul;

import com.orbitz.consul.Consul;
import com.orbitz.consul.ConsulException;
import io.bolina.registry.RegistryWriteFailed;
import java.util.function.Supplier;

/** Requests that tell Consul something, and what an operator needs to know if they fail. */
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
  <T> T say(String what, String right, Supplier<T> request) {
    try {
      return request.get();
    } catch (ConsulException e) {
      throw new RegistryWriteFailed(
          "cannot " + what + " at " + settings.url() + ": " + whyNot(e, right), e);
    }
  }

  private static String whyNot(ConsulException e, String right) {
    if (e.getCode() == 403) {
      return "Consul refuses it (403): the ACL token needs " + right;
    }
    if (e.getCode() != 0) {
      return "status " + e.getCode() + ": " + e.getMessage();
    }
    Throwable cause = e.getCause() == null ? e : e.getCause();
    String message = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    return cause.getClass().getSimpleName() + ": " + message;
  }
}
