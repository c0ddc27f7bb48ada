package io.bolina.benchmarks;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Objects;
import java.util.function.BiConsumer;

/**
 * The least that any client of Consul has to wait: a plain blocking query for the health of the
 * service, read to its end.
 */
final class PlainQuery implements AutoCloseable {
  private static final JsonFactory JSON = new JsonFactory();

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final URI consul;
  private final BiConsumer<String, Long> critical;
  private final Thread thread;
  private volatile boolean closed;

  /**
   * @param critical receives each answer's critical servers, as one text, and when it was read
   */
  PlainQuery(URI consul, BiConsumer<String, Long> critical) {
    this.consul = consul;
    this.critical = critical;
    thread = new Thread(this::watch, "plain-query");
    thread.setDaemon(true);
    thread.start();
  }

  private void watch() {
    String index = "0";
    while (!closed) {
      try {
        HttpResponse<InputStream> answer =
            http.send(
                HttpRequest.newBuilder(
                        consul.resolve(
                            "/v1/health/service/"
                                + BenchFleet.SERVICE
                                + "?wait=60s&index="
                                + index))
                    .build(),
                HttpResponse.BodyHandlers.ofInputStream());
        String found;
        try (InputStream body = answer.body()) {
          found = criticalIn(body);
        }
        index = answer.headers().firstValue("X-Consul-Index").orElse("0");
        critical.accept(found, System.nanoTime());
      } catch (IOException e) {
        if (!closed) {
          throw new IllegalStateException("the plain query failed", e);
        }
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private static String criticalIn(InputStream body) throws IOException {
    StringBuilder found = new StringBuilder();
    try (JsonParser json = JSON.createParser(body)) {
      String status = "";
      JsonToken token;
      while ((token = json.nextToken()) != null) {
        if (token == JsonToken.FIELD_NAME) {
          String name = json.currentName();
          if (name.equals("Status")) {
            status = json.nextTextValue();
          } else if (name.equals("ServiceID") && Objects.equals(status, "critical")) {
            found.append(json.nextTextValue()).append(' ');
          }
        }
      }
    }
    return found.toString();
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
