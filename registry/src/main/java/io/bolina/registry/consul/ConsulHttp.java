package io.bolina.registry.consul;

import com.orbitz.consul.Consul;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.net.MalformedURLException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import okhttp3.Call;
import okhttp3.ConnectionPool;
import okhttp3.Credentials;
import okhttp3.HttpUrl;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to Consul, of the watches and of the writes alike: TLS, the headers that say who asks,
 * and bounds to what is answered. The client library makes its requests and reads answers, but none
 * of them goes by its own connection.
 *
 * <ul>
 *   <li>The token goes as a header, not in the URL, where proxies and logs show it. The library
 *       would put it there. It is read from its file with each request.
 *   <li>Certificates and keys are read again when their files have changed, and after a failure
 *       that they may be the reason of.
 *   <li>Redirects are not followed: the token would go with them.
 * </ul>
 */
final class ConsulHttp implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ConsulHttp.class);

  /** The largest answer that the client library reads: what it reads are single values. */
  private static final int LARGEST = 1024 * 1024;

  /** So much of an answer is read that says why there is none. */
  private static final int LARGEST_ERROR = 4096;

  private static final String TOKEN = "X-Consul-Token";

  private final ConsulSettings settings;
  private final Timeouts timeouts;
  private final Consul consul;
  private final boolean near;
  private final TreeMap<Path, String> read = new TreeMap<>();
  private OkHttpClient client;
  private Optional<String> token;
  private String unreadable = "";
  private volatile Optional<Call> inFlight = Optional.empty();
  private volatile boolean closed;

  /**
   * How long things may take.
   *
   * @param read between two bytes
   * @param call all in all; zero for no bound
   */
  record Timeouts(Duration connect, Duration read, Duration call) {}

  /** Takes an answer before the client library reads it. */
  @FunctionalInterface
  interface Taker {
    Response take(Response response) throws IOException;
  }

  /** One whose answers are small. */
  ConsulHttp(ConsulSettings settings, Timeouts timeouts) {
    this(settings, timeouts, response -> response);
  }

  /**
   * @throws IllegalArgumentException naming the setting that is wrong, and what to do
   */
  ConsulHttp(ConsulSettings settings, Timeouts timeouts, Taker taker) {
    this.settings = settings;
    this.timeouts = timeouts;
    this.near = settings.url().getHost().matches("localhost|127\\..*|\\[?::1]?");
    this.token = settings.token();
    this.client = connected();
    Consul.Builder builder = Consul.builder().withPing(false);
    try {
      builder.withUrl(settings.url().toURL());
    } catch (MalformedURLException e) {
      throw new IllegalArgumentException(
          "consul: '" + settings.url() + "' is not a URL such as http://127.0.0.1:8500", e);
    }
    insteadOfItsConnection(builder, chain -> bounded(taker.take(send(chain.request()))));
    this.consul = builder.build();
  }

  /** The client library, which makes its requests by this. */
  Consul consul() {
    return consul;
  }

  /**
   * A question without the client library.
   *
   * @param path such as {@code v1/agent/services}
   */
  Response get(String path, Map<String, String> query) throws IOException {
    HttpUrl.Builder url = HttpUrl.get(settings.url().toString()).newBuilder().addPathSegments(path);
    query.forEach(url::addQueryParameter);
    return send(new Request.Builder().url(url.build()).build());
  }

  /** Ends the request in flight, which fails. */
  void abort() {
    inFlight.ifPresent(Call::cancel);
  }

  @Override
  public void close() {
    closed = true;
    abort();
    consul.destroy();
    synchronized (this) {
      client.connectionPool().evictAll();
    }
  }

  private Response send(Request request) throws IOException {
    Request.Builder sent = request.newBuilder();
    Call call;
    synchronized (this) {
      readAgain();
      token.ifPresent(t -> sent.header(TOKEN, t));
      settings
          .login()
          .ifPresent(
              login -> {
                int colon = login.indexOf(':');
                sent.header(
                    "Authorization",
                    Credentials.basic(
                        colon < 0 ? login : login.substring(0, colon),
                        colon < 0 ? "" : login.substring(colon + 1),
                        StandardCharsets.UTF_8));
              });
      if (near) {
        // On one machine, packing an answer takes longer than handing it over.
        sent.header("Accept-Encoding", "identity");
      }
      call = client.newCall(sent.build());
    }
    inFlight = Optional.of(call);
    if (closed) {
      throw new IOException("closed");
    }
    try {
      Response response = call.execute();
      if (response.code() == 403) {
        forget();
      }
      return response;
    } catch (IOException e) {
      // A certificate that is refused shows itself in more ways than one.
      if (e instanceof SSLException || call.request().isHttps()) {
        forget();
      }
      throw e;
    }
  }

  private synchronized void forget() {
    read.clear();
  }

  /** Reads files again that have changed since. One that is bad changes nothing. */
  private void readAgain() {
    settings.tokenFile().ifPresent(file -> whenChanged(List.of(file), () -> readToken(file)));
    List<Path> ofTls =
        Stream.of(settings.caFile(), settings.clientCertificate(), settings.clientKey())
            .flatMap(Optional::stream)
            .toList();
    if (!ofTls.isEmpty()) {
      whenChanged(ofTls, this::reconnect);
    }
  }

  private void whenChanged(List<Path> files, Runnable action) {
    boolean changed = false;
    for (Path file : files) {
      String version = version(file);
      changed |= !Objects.equals(read.put(file, version), version);
    }
    if (changed) {
      try {
        action.run();
      } catch (IllegalArgumentException e) {
        if (!String.valueOf(e.getMessage()).equals(unreadable)) {
          unreadable = String.valueOf(e.getMessage());
          log.atWarn()
              .addKeyValue("reason", unreadable)
              .log("cannot read access to Consul again; using what was read before");
        }
      }
    }
  }

  private void readToken(Path file) {
    token = Optional.of(ConsulOptions.tokenIn(file));
  }

  private void reconnect() {
    OkHttpClient next = connected();
    client.connectionPool().evictAll(); // what is under way ends by itself
    client = next;
  }

  private static String version(Path file) {
    try {
      BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
      return now.lastModifiedTime() + " " + now.size() + " " + now.fileKey();
    } catch (IOException e) {
      return "unreadable";
    }
  }

  private OkHttpClient connected() {
    OkHttpClient.Builder builder =
        new OkHttpClient.Builder()
            .connectTimeout(timeouts.connect)
            .readTimeout(timeouts.read)
            .writeTimeout(timeouts.read)
            .callTimeout(timeouts.call)
            .connectionPool(new ConnectionPool())
            .followRedirects(false)
            .followSslRedirects(false);
    ConsulAccess.configure(builder, settings);
    return builder.build();
  }

  /** The answer, of which the client library can read no more than there may be. */
  private static Response bounded(Response response) throws IOException {
    ResponseBody body = response.body();
    if (body == null) {
      return response;
    }
    MediaType type = body.contentType();
    int most = response.isSuccessful() ? LARGEST : LARGEST_ERROR;
    byte[] read;
    try (InputStream in = body.byteStream()) {
      read = in.readNBytes(most);
      if (response.isSuccessful() && read.length == most) {
        throw new IOException("the answer has " + LARGEST + " bytes or more");
      }
    }
    return response.newBuilder().body(ResponseBody.create(read, type)).build();
  }

  /**
   * Puts an interceptor of ours into the client. Its builder takes interceptors only of kinds of
   * its own; so the interceptor goes where the builder keeps the one for extra headers, which is
   * not used otherwise. 1.5.3 is the client's last release: the field will not change.
   */
  private static void insteadOfItsConnection(Consul.Builder builder, Interceptor interceptor) {
    try {
      Field field = Consul.Builder.class.getDeclaredField("headerInterceptor");
      field.setAccessible(true);
      field.set(builder, interceptor);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(
          "this is not consul-client 1.5.3, which Bolina is built on", e);
    }
  }
}
