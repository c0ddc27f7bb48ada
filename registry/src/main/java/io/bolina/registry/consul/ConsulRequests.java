package io.bolina.registry.consul;

import com.orbitz.consul.Consul;
import com.orbitz.consul.ConsulException;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.consul.ConsulConnection.AnswerReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import okhttp3.Response;

/**
 * Requests that are answered at once, mostly writes, and what an operator needs to know if they
 * fail.
 */
final class ConsulRequests {
  private static final int LARGEST_ERROR = 4096;

  private final ConsulSettings settings;
  private final ConsulHttp http;

  /** A list that Consul does not give. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final int code;

    private Refused(int code, String message) {
      super(message);
      this.code = code;
    }
  }

  ConsulRequests(ConsulSettings settings) {
    this.settings = settings;
    this.http =
        new ConsulHttp(
            settings,
            new ConsulHttp.Timeouts(
                Duration.ofSeconds(2), Duration.ofSeconds(5), Duration.ofSeconds(30)));
  }

  Consul consul() {
    return http.consul();
  }

  /** Asks for a list, whose entries are read one by one; inside {@link #make}. */
  <T> T list(String path, Map<String, String> query, AnswerReader<T> reader) {
    return ask(
        path,
        query,
        in -> reader.read(new JsonArrayReader(in, settings.limits(), new JsonArrayReader.Cache())));
  }

  /** The same for a list whose entries have names: a JSON object. */
  <T> T map(String path, AnswerReader<T> reader) {
    return ask(path, Map.of(), in -> reader.read(JsonArrayReader.ofMap(in, settings.limits())));
  }

  private interface BodyReader<T> {
    T read(InputStream in) throws IOException;
  }

  private <T> T ask(String path, Map<String, String> query, BodyReader<T> reader) {
    try (Response response = http.get(path, query);
        InputStream in = Objects.requireNonNull(response.body()).byteStream()) {
      if (response.code() != 200) {
        throw new Refused(
            response.code(),
            Shown.of(new String(in.readNBytes(LARGEST_ERROR), StandardCharsets.UTF_8).strip()));
      }
      return reader.read(in);
    } catch (IOException e) {
      throw new ConsulException(e);
    }
  }

  void close() {
    http.close();
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
      throw failed(what, reason(e, right), e);
    } catch (Refused e) {
      throw failed(what, reason(e.code, right, e.getMessage()), e);
    } catch (ConsulFault e) {
      throw failed(what, e.getMessage(), e);
    }
  }

  private RegistryWriteFailed failed(String what, String reason, RuntimeException cause) {
    return new RegistryWriteFailed(
        "cannot " + what + " at " + settings.url() + ": " + reason, cause);
  }

  private String reason(ConsulException e, String right) {
    if (e.getCode() != 0) {
      return reason(e.getCode(), right, Shown.of(String.valueOf(e.getMessage())));
    }
    Throwable cause = e.getCause() == null ? e : e.getCause();
    String message =
        cause.getMessage() == null
            ? "no details"
            : cause.getMessage().lines().findFirst().orElse("");
    return cause.getClass().getSimpleName()
        + ": "
        + Shown.of(message)
        + ConsulAccess.tlsHint(settings.url(), cause);
  }

  private static String reason(int code, String right, String message) {
    if (code == 403) {
      return "permission denied (403): the ACL token (consul-token-file) needs " + right;
    }
    if (code >= 300 && code < 400) {
      return "a redirect ("
          + code
          + "), which is not followed, as the ACL token would go with it; set consul to where Consul is";
    }
    return "status " + code + ": " + message;
  }
}
