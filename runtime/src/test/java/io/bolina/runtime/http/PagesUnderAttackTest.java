package io.bolina.runtime.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Nobody who is slow, does not read or comes in numbers keeps others from an answer. */
class PagesUnderAttackTest {
  private static final byte[] LARGE = new byte[8 * 1024 * 1024];

  private final Telemetry telemetry = Telemetry.create();
  private final CompletableFuture<PageAnswer> happened = new CompletableFuture<>();
  private final List<RawClient> clients = new ArrayList<>();
  private PagesServer pages;

  @BeforeEach
  void start() throws IOException {
    pages =
        new PagesServer("x", HostPort.parse("127.0.0.1:0"), "admin", telemetry)
            .probe("/healthz", "", Optional::empty)
            .metrics()
            .get("/large", PageKind.LARGE, "", request -> PageAnswer.json(LARGE))
            .order("PUT", "/report", "", request -> PageAnswer.text(request.body()))
            .getLater("/later", "", () -> happened);
    pages.start();
  }

  @AfterEach
  void stop() throws IOException {
    for (RawClient client : clients) {
      client.close();
    }
    pages.close();
  }

  private RawClient ask(String method, String path, String... headers) throws IOException {
    RawClient client = RawClient.asking(pages.address(), method, path, headers);
    clients.add(client);
    return client;
  }

  private int ask(String path) throws Exception {
    return new AdminClient("x", URI.create("http://" + pages.address()), "x")
        .ask("GET", path, "")
        .statusCode();
  }

  private int report() throws Exception {
    return new AdminClient("x", URI.create("http://" + pages.address()), "x")
        .ask("PUT", "/report", "well")
        .statusCode();
  }

  private double refused(String reason) {
    return telemetry.meters().counter("bolina.pages.refused", "reason", reason).count();
  }

  @Test
  void readers_who_do_not_read_keep_nobody_from_other_pages() throws Exception {
    List<RawClient> mute = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      mute.add(ask("GET", "/large"));
    }
    assertThat(ask("/healthz")).isEqualTo(200);
    assertThat(ask("/metrics")).isEqualTo(200);
    assertThat(report()).isEqualTo(200);
    List<Integer> answers = new ArrayList<>();
    for (RawClient one : mute) {
      answers.add(one.status());
    }
    assertThat(answers)
        .as("so many are served, and the rest is told to come again")
        .containsOnly(200, 503)
        .filteredOn(status -> status == 200)
        .hasSize(PageKind.LARGE.atOnce());
    assertThat(refused("busy")).isEqualTo(40.0 - PageKind.LARGE.atOnce());
  }

  @Test
  void who_does_not_read_an_answer_is_left_and_gives_way() throws Exception {
    List<RawClient> mute = new ArrayList<>();
    for (int i = 0; i < PageKind.LARGE.atOnce(); i++) {
      RawClient one = ask("GET", "/large");
      assertThat(one.status()).isEqualTo(200);
      mute.add(one);
    }
    assertThat(ask("GET", "/large").status()).isEqualTo(503);
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> refused("deadline") == PageKind.LARGE.atOnce());
    assertThat(mute).allMatch(RawClient::isClosedByPeer);
    assertThat(ask("/large")).isEqualTo(200);
  }

  @Test
  void who_sends_a_request_or_a_body_slowly_is_left() throws Exception {
    RawClient header = new RawClient(pages.address());
    clients.add(header);
    header.send("GET /healthz HTTP/1.1\r\nHost:");
    List<RawClient> bodies = new ArrayList<>();
    for (int i = 0; i < 2 * PageKind.ORDER.atOnce(); i++) {
      RawClient body = ask("PUT", "/report", "Content-Length: 100");
      body.send("a");
      bodies.add(body);
    }
    assertThat(report()).as("while bodies are awaited").isEqualTo(200);
    await().atMost(Duration.ofMinutes(1)).until(() -> refused("deadline") == 1.0 + bodies.size());
    assertThat(bodies).allMatch(RawClient::isClosedByPeer);
    assertThat(header.isClosedByPeer()).isTrue();
  }

  @Test
  void who_waits_holds_no_thread_and_only_so_many_may() throws Exception {
    List<RawClient> waiting = new ArrayList<>();
    for (int i = 0; i < PageKind.WAIT.atOnce() + 1; i++) {
      waiting.add(ask("GET", "/later"));
    }
    await().until(() -> refused("busy") == 1.0);
    assertThat(report()).isEqualTo(200);
    happened.complete(PageAnswer.text("it happened\n"));
    List<Integer> answers = new ArrayList<>();
    for (RawClient one : waiting) {
      answers.add(one.status());
    }
    assertThat(answers).filteredOn(status -> status == 200).hasSize(PageKind.WAIT.atOnce());
  }

  @Test
  void of_too_many_connections_one_makes_room_for_the_next() throws Exception {
    for (int i = 0; i < 256 + 50; i++) {
      clients.add(new RawClient(pages.address()));
    }
    assertThat(ask("/healthz")).isEqualTo(200);
    assertThat(refused("connections")).isGreaterThanOrEqualTo(49.0);
    assertThat(clients.get(0).isClosedByPeer()).isTrue();
  }

  @Test
  void what_is_too_large_is_refused() throws Exception {
    assertThat(ask("PUT", "/report", "Content-Length: 16385").status()).isEqualTo(413);
    RawClient chunks = ask("PUT", "/report", "Transfer-Encoding: chunked");
    for (int i = 0; i < 5; i++) {
      chunks.send("1000\r\n" + "x".repeat(4_096) + "\r\n");
    }
    assertThat(chunks.status()).isEqualTo(413);
    assertThat(ask("GET", "/healthz", "X: " + "y".repeat(9_000)).status()).isEqualTo(431);
    assertThat(ask("GET", "/" + "y".repeat(9_000)).status()).isIn(414, 431);
    assertThat(report()).isEqualTo(200);
  }
}
