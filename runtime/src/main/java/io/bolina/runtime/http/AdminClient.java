package io.bolina.runtime.http;

import io.bolina.runtime.FailureReason;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.ShownUrl;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Another process of Bolina's, asked over HTTP.
 *
 * @param name what it is
 * @param at its listen address, or {@code unix:} and the path of its socket
 * @param option where that comes from, for an error message
 * @param token the access token to show, if it asks for one
 */
public record AdminClient(String name, URI at, String option, Optional<String> token) {
  /** For commands that ask. */
  public static final Setting<Path> TOKEN_FILE =
      Setting.of("access-token-file", AccessToken.FILE)
          .help("File with the access token to show (its first line), where one is asked for.");

  private static final String UNIX = "unix";
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final HttpClient HTTP =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(5))
          .build();

  /** Without a token. */
  public AdminClient(String name, URI at, String option) {
    this(name, at, option, Optional.empty());
  }

  /** Where such a process is: a URL, or {@code unix:/path}. */
  public static SettingType<URI> address(String example) {
    SettingType<URI> url = SettingType.url(example);
    return SettingType.of(
        "URL",
        text -> {
          if (!text.startsWith(UNIX + ":")) {
            return url.parse(text);
          }
          String path = text.substring(UNIX.length() + 1);
          if (!path.startsWith("/") || !path.equals(URI.create("file://" + path).getRawPath())) {
            throw new IllegalArgumentException("'" + text + "' is not unix:/PATH");
          }
          return URI.create(text);
        });
  }

  /**
   * The same with the first token of a file.
   *
   * @throws IOException if the file cannot be used
   */
  public AdminClient withToken(Optional<Path> file) throws IOException {
    return file.isEmpty()
        ? this
        : new AdminClient(name, at, option, Optional.of(AccessToken.first(file.get())));
  }

  /**
   * Asks, and returns the answer, whatever its status.
   *
   * @throws IOException if there is no answer; says what to look at if nobody is there
   */
  public AdminAnswer ask(String method, String path, String body)
      throws IOException, InterruptedException {
    try {
      return UNIX.equals(at.getScheme())
          ? askSocket(method, path, body)
          : askAddress(method, path, body);
    } catch (ConnectException | HttpConnectTimeoutException e) {
      throw nobody(e);
    } catch (IOException e) {
      if (UNIX.equals(at.getScheme()) && Files.notExists(socket())) {
        throw nobody(e);
      }
      throw new IOException(
          name + " at " + shown() + " (" + option + ") gives no answer: " + FailureReason.of(e), e);
    }
  }

  private IOException nobody(IOException failure) {
    return new IOException(
        "no " + name + " at " + shown() + " (" + option + "); is it running?", failure);
  }

  private String shown() {
    return ShownUrl.of(at.toString());
  }

  private Path socket() {
    return Path.of(at.getSchemeSpecificPart());
  }

  private AdminAnswer askSocket(String method, String path, String body) throws IOException {
    String headers = token.map(t -> "Authorization: Bearer " + t + "\r\n").orElse("");
    return UnixExchange.ask(socket(), method, path, headers, body, PATIENCE);
  }

  private AdminAnswer askAddress(String method, String path, String body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(at.resolve(path))
            .timeout(PATIENCE)
            .method(method, HttpRequest.BodyPublishers.ofString(body));
    token.ifPresent(t -> request.header("Authorization", "Bearer " + t));
    HttpResponse<String> answer = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
    return new AdminAnswer(answer.statusCode(), answer.body());
  }
}
