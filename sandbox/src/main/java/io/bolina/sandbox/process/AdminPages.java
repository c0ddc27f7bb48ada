package io.bolina.sandbox.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.runtime.HostPort;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/**
 * The admin pages of a running part: Envoy's or a control plane's.
 *
 * @param at where they are
 */
public record AdminPages(HostPort at) {
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private static final JsonMapper JSON = new JsonMapper();

  /** What a page says, whatever its status. */
  public String text(String path) throws IOException {
    return get(path).body();
  }

  public JsonNode json(String path) throws IOException {
    return JSON.readTree(text(path));
  }

  public int status(String path) throws IOException {
    return get(path).statusCode();
  }

  private HttpResponse<String> get(String path) throws IOException {
    try {
      return HTTP.send(
          HttpRequest.newBuilder(URI.create("http://" + at + path)).timeout(Waiting.LONG).build(),
          HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
