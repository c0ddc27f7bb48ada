package io.bolina.runtime;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/**
 * Another process of Bolina's, asked over HTTP.
 *
 * @param name what it is
 * @param at its listen address
 * @param option where that comes from, for an error message
 */
public record AdminClient(String name, URI at, String option) {
  private static final HttpClient HTTP =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(5))
          .build();

  /**
   * Asks, and returns the answer, whatever its status.
   *
   * @throws IOException if there is no answer; says what to look at if nobody is there
   */
  public HttpResponse<String> ask(String method, String path, String body)
      throws IOException, InterruptedException {
    try {
      return HTTP.send(
          HttpRequest.newBuilder(at.resolve(path))
              .timeout(Duration.ofSeconds(10))
              .method(method, HttpRequest.BodyPublishers.ofString(body))
              .build(),
          HttpResponse.BodyHandlers.ofString());
    } catch (ConnectException | HttpConnectTimeoutException e) {
      throw new IOException("no " + name + " at " + at + " (" + option + "); is it running?", e);
    } catch (IOException e) {
      throw new IOException(
          name + " at " + at + " (" + option + ") gives no answer: " + FailureReason.of(e), e);
    }
  }
}
