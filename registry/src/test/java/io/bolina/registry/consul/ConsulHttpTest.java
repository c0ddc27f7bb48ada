package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Server;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a Consul gets to see, and what one that means ill can do with its answers. */
class ConsulHttpTest {
  private static final int LIMIT = 1024 * 1024;

  @TempDir private Path directory;

  private final List<String> urls = Collections.synchronizedList(new ArrayList<>());
  private final List<Headers> headers = Collections.synchronizedList(new ArrayList<>());
  private HttpServer server;
  private volatile Answer answer = exchange -> send(exchange, 200, "[]");

  private interface Answer {
    void give(HttpExchange exchange) throws IOException;
  }

  @BeforeEach
  void open() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.createContext(
        "/",
        exchange -> {
          urls.add(exchange.getRequestURI().toString());
          headers.add(exchange.getRequestHeaders());
          try (exchange) {
            exchange.getResponseHeaders().set("X-Consul-Index", "7");
            exchange.getResponseHeaders().set("X-Consul-KnownLeader", "true");
            exchange.getResponseHeaders().set("X-Consul-LastContact", "0");
            answer.give(exchange);
          }
        });
    server.start();
  }

  @AfterEach
  void close() {
    server.stop(0);
  }

  private static void send(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private ConsulSettings at(String authority) {
    return ConsulSettings.at(
            URI.create("http://" + authority + ":" + server.getAddress().getPort()))
        .withLimits(new AnswerLimits(LIMIT, 100));
  }

  private static int ask(ConsulSettings settings) {
    ConsulConnection connection = new ConsulConnection(settings);
    try {
      return connection
          .ask(
              (consul, options) ->
                  consul.keyValueClient().getConsulResponseWithValues("bolina/load/x/", options),
              entries -> {
                while (entries.next()) {
                  assertThat(entries.count()).isPositive();
                }
                return entries.count();
              },
              QueryPlan.FIRST)
          .entries();
    } finally {
      connection.close();
    }
  }

  @Test
  void token_and_login_go_as_headers_and_are_nowhere_else() {
    ConsulSettings settings = at("user:pa%20ss@127.0.0.1").withToken(Optional.of("s3cret"));
    ask(settings);
    new ConsulDrainOrders(settings).callOff("x", "b-1");
    assertThat(urls).hasSize(2).noneMatch(url -> url.contains("s3cret") || url.contains("pa"));
    assertThat(headers)
        .allMatch(h -> h.getFirst("X-Consul-Token").equals("s3cret"))
        .allMatch(h -> h.getFirst("Authorization").equals("Basic dXNlcjpwYSBzcw=="));
    assertThat(settings.url().toString() + settings).doesNotContain("user").doesNotContain("ss@");
    answer = exchange -> send(exchange, 500, "no");
    assertThatThrownBy(() -> ask(settings)).hasMessageNotContaining("pa");
  }

  @Test
  void a_token_file_is_read_again() throws IOException {
    Path file = Files.writeString(directory.resolve("token"), "one\n");
    ConsulSettings settings =
        at("127.0.0.1").withToken(Optional.of("one")).withTokenFile(Optional.of(file));
    try (ConsulDrainOrders orders = new ConsulDrainOrders(settings)) {
      orders.callOff("x", "b-1");
      Files.writeString(file, "another\n");
      orders.callOff("x", "b-1");
      Files.writeString(file, ""); // in the middle of being written
      orders.callOff("x", "b-1");
    }
    assertThat(headers)
        .extracting(h -> h.getFirst("X-Consul-Token"))
        .containsExactly("one", "another", "another");
  }

  @Test
  void a_token_file_is_read_again_after_a_403_even_if_it_seems_unchanged() throws IOException {
    Path file = Files.writeString(directory.resolve("token"), "one\n");
    ConsulSettings settings =
        at("127.0.0.1").withToken(Optional.of("one")).withTokenFile(Optional.of(file));
    FileTime time = Files.getLastModifiedTime(file);
    try (ConsulDrainOrders orders = new ConsulDrainOrders(settings)) {
      orders.callOff("x", "b-1");
      Files.writeString(file, "two\n");
      Files.setLastModifiedTime(file, time); // as within what the file system tells apart
      orders.callOff("x", "b-1");
      answer = exchange -> send(exchange, 403, "ACL not found");
      assertThatThrownBy(() -> orders.callOff("x", "b-1")).isInstanceOf(RegistryWriteFailed.class);
      answer = exchange -> send(exchange, 200, "true");
      orders.callOff("x", "b-1");
    }
    assertThat(headers)
        .extracting(h -> h.getFirst("X-Consul-Token"))
        .containsExactly("one", "one", "one", "two");
  }

  @Test
  void a_redirect_is_not_followed() throws IOException {
    List<Headers> leaked = Collections.synchronizedList(new ArrayList<>());
    HttpServer other =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    other.createContext(
        "/",
        exchange -> {
          leaked.add(exchange.getRequestHeaders());
          exchange.close();
        });
    other.start();
    try {
      answer =
          exchange -> {
            exchange
                .getResponseHeaders()
                .set("Location", "http://127.0.0.1:" + other.getAddress().getPort() + "/steal");
            send(exchange, 307, "");
          };
      ConsulSettings settings = at("127.0.0.1").withToken(Optional.of("s3cret"));
      assertThatThrownBy(() -> ask(settings))
          .isInstanceOf(ConsulFault.class)
          .hasMessageContaining("a redirect (307), which is not followed");
      try (ConsulDrainOrders orders = new ConsulDrainOrders(settings)) {
        DrainOrder order = new DrainOrder("ann", Instant.EPOCH, "", Map.of());
        assertThatThrownBy(() -> orders.order("x", "b-1", order))
            .isInstanceOf(RegistryWriteFailed.class)
            .hasMessageContaining("not followed");
      }
      assertThat(leaked).isEmpty();
    } finally {
      other.stop(0);
    }
  }

  @Test
  void a_small_answer_that_unpacks_to_a_large_one_is_not_read_whole() {
    answer =
        exchange -> {
          exchange.getResponseHeaders().set("Content-Encoding", "gzip");
          exchange.sendResponseHeaders(200, 0);
          byte[] blanks = new byte[LIMIT];
          Arrays.fill(blanks, (byte) ' ');
          try (OutputStream out = new GZIPOutputStream(exchange.getResponseBody())) {
            out.write('[');
            for (int i = 0; i < 300; i++) {
              out.write(blanks);
            }
          }
        };
    // Not an address of this machine's own that it would ask for no packing.
    assertThatThrownBy(() -> ask(at("0.0.0.0")))
        .isInstanceOf(ConsulFault.class)
        .hasMessageContaining("more than " + LIMIT + " bytes")
        .hasMessageContaining("consul-max-answer");
    // It was not asked to pack, and does all the same.
    assertThatThrownBy(() -> ask(at("127.0.0.1"))).isInstanceOf(ConsulFault.class);
  }

  @Test
  void neither_is_the_reason_of_an_error_or_the_answer_to_a_write() {
    answer = exchange -> send(exchange, 500, "x".repeat(5 * LIMIT));
    assertThatThrownBy(() -> ask(at("127.0.0.1")))
        .isInstanceOf(ConsulFault.class)
        .satisfies(e -> assertThat(e.getMessage().length()).isLessThan(500));
    answer = exchange -> send(exchange, 200, " ".repeat(5 * LIMIT) + "true");
    try (ConsulDrainOrders orders = new ConsulDrainOrders(at("127.0.0.1"))) {
      DrainOrder order = new DrainOrder("ann", Instant.EPOCH, "", Map.of());
      assertThatThrownBy(() -> orders.order("x", "b-1", order))
          .isInstanceOf(RegistryWriteFailed.class);
    }
  }

  @Test
  void a_prefix_that_may_not_be_read_names_the_rule_for_lists() {
    answer = exchange -> send(exchange, 403, "Permission denied");
    assertThatThrownBy(() -> ask(at("127.0.0.1")))
        .hasMessageContaining("key:read")
        .hasMessageContaining("key_prefix \"bolina/load/x/\" { policy = \"list\" }");
  }

  @Test
  void a_bad_service_of_the_same_agent_does_not_hide_a_servers_registration() {
    String deep = "[".repeat(1_500) + "]".repeat(1_500);
    answer =
        exchange ->
            send(
                exchange,
                200,
                exchange.getRequestURI().getPath().endsWith("/checks")
                    ? "{\"service:b-1\": {\"CheckID\": \"service:b-1\", \"Output\": \"fine\"}, \"x\": 5}"
                    : "{\"rogue\": {\"ID\": \"rogue\", \"Proxy\": "
                        + deep
                        + "}, \"big\": {\"ID\": \"big\", \"Port\": 2147483648},"
                        + " \"b-1\": {\"ID\": \"b-1\", \"Service\": \"x\", \"Address\": \"::FFFF:10.0.0.1\","
                        + " \"Port\": 7000, \"Meta\": {\"incarnation\": \"i\"}}}");
    Server server = new Server("b-1", "x", "10.0.0.1", 7000, "", Map.of());
    try (ConsulRegistrar registrar = new ConsulRegistrar(at("127.0.0.1"))) {
      assertThat(registrar.registration(server).incarnation()).isEqualTo("i");
    }
  }

  @Test
  void names_of_entries_are_read_whatever_the_entries_are() throws IOException {
    String answer =
        "{ \"a\" : [1e999999], \"b\\u0041\": {} ,\"c\":" + "[".repeat(9) + "]".repeat(9) + "}";
    assertThat(
            AgentLists.names(
                JsonArrayReader.ofMap(
                    new ByteArrayInputStream(answer.getBytes(StandardCharsets.UTF_8)),
                    new AnswerLimits(LIMIT, 100))))
        .containsExactly("a", "bA", "c");
  }
}
