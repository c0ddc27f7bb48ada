package io.bolina.runtime.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PageAccessTest {
  private static final String TOKEN = "0123456789abcdef0123456789abcdef";

  @TempDir private Path directory;

  private static SocketAddress at(String address) {
    return new InetSocketAddress(address, 18080);
  }

  private static PageCaller caller(
      String remote, String local, String host, String origin, String site, String token) {
    return new PageCaller(
        at(remote),
        at(local),
        Optional.ofNullable(host),
        Optional.ofNullable(origin),
        Optional.ofNullable(site),
        Optional.ofNullable(token),
        false);
  }

  private static PageCaller here(String host) {
    return caller("127.0.0.1", "127.0.0.1", host, null, null, null);
  }

  private static String refusal(PageAccess access, PageKind kind, PageCaller caller) {
    return access.refusal(kind, caller).map(PageAccess.Refusal::reason).orElse("");
  }

  private AccessToken token(String... lines) throws IOException {
    return new AccessToken(Files.write(directory.resolve("tokens"), List.of(lines)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost",
        "LOCALHOST:18080",
        "127.0.0.1:1",
        "127.9.9.9",
        "[::1]:8",
        "admin.local"
      })
  void own_names_are_answered(String host) {
    PageAccess access = PageAccess.ofThisHost(List.of("Admin.Local"), Optional.empty());
    assertThat(refusal(access, PageKind.LARGE, here(host))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "999.0.0.1",
        "[::2]",
        "",
        "localhost:1:2",
        "127.0.0.1@evil.example",
        "localhost/evil",
        "2130706433",
        "0x7f.1"
      })
  void other_names_are_not_except_for_probes(String host) {
    PageAccess access = PageAccess.ofThisHost(List.of("0.0.0.0"), Optional.empty());
    assertThat(refusal(access, PageKind.LARGE, here(host))).isEqualTo("host");
    assertThat(refusal(access, PageKind.METRICS, here(host))).isEqualTo("host");
    assertThat(refusal(access, PageKind.PROBE, here(host))).isEmpty();
  }

  @Test
  void the_address_that_was_connected_to_is_an_own_name() {
    PageAccess access = PageAccess.ofAddress(List.of("0.0.0.0"), Optional.empty());
    PageCaller asked = caller("10.0.0.9", "10.0.0.1", "10.0.0.1:7070", null, null, null);
    PageCaller rebound = caller("10.0.0.9", "10.0.0.1", "evil.example:7070", null, null, null);
    assertThat(refusal(access, PageKind.ORDER, asked)).isEmpty();
    assertThat(refusal(access, PageKind.ORDER, rebound)).isEqualTo("host");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "http://evil.example, -",
        "null, -",
        "http://localhost:3000, -",
        "-, cross-site",
        "-, same-site",
        "http://localhost:7070, same-site"
      })
  void pages_of_other_sites_in_a_browser_can_do_nothing(String origin, String site) {
    PageAccess access = PageAccess.ofAddress(List.of(), Optional.empty());
    PageCaller page = caller("127.0.0.1", "127.0.0.1", "localhost:7070", origin, site, null);
    for (PageKind kind : List.of(PageKind.ORDER, PageKind.WAIT, PageKind.SHORT, PageKind.METRICS)) {
      assertThat(refusal(access, kind, page)).isEqualTo("origin");
    }
    PageCaller own =
        caller(
            "127.0.0.1",
            "127.0.0.1",
            "localhost:7070",
            "http://localhost:7070",
            "same-origin",
            null);
    assertThat(refusal(access, PageKind.ORDER, own)).isEmpty();
  }

  @Test
  void what_is_of_no_use_to_strangers_needs_a_token_from_afar() throws IOException {
    PageCaller stranger = caller("10.0.0.9", "10.0.0.1", "any.name", null, null, null);
    PageCaller guest = caller("10.0.0.9", "10.0.0.1", "any.name", null, null, "Bearer " + TOKEN);
    PageCaller liar =
        caller("10.0.0.9", "10.0.0.1", "any.name", null, null, "Bearer " + TOKEN + "x");
    PageCaller basic = caller("10.0.0.9", "10.0.0.1", "any.name", null, null, "Basic " + TOKEN);
    PageAccess closed = PageAccess.ofThisHost(List.of(), Optional.empty());
    assertThat(refusal(closed, PageKind.LARGE, stranger)).isEqualTo("token");
    assertThat(refusal(closed, PageKind.LARGE, guest)).isEqualTo("token");
    PageAccess open = PageAccess.ofThisHost(List.of(), Optional.of(token("", TOKEN, "")));
    assertThat(refusal(open, PageKind.LARGE, stranger)).isEqualTo("token");
    assertThat(refusal(open, PageKind.LARGE, liar)).isEqualTo("token");
    assertThat(refusal(open, PageKind.LARGE, basic)).isEqualTo("token");
    assertThat(refusal(open, PageKind.LARGE, guest)).isEmpty();
    assertThat(refusal(open, PageKind.LARGE, here("localhost"))).isEmpty();
    PageCaller itself = caller("10.0.0.1", "10.0.0.1", "10.0.0.1:18080", null, null, null);
    assertThat(refusal(closed, PageKind.LARGE, itself)).as("from this host to itself").isEmpty();
    for (PageKind kind : List.of(PageKind.PROBE, PageKind.METRICS)) {
      assertThat(refusal(closed, kind, stranger)).isEmpty();
    }
  }

  @Test
  void who_passes_on_a_request_is_not_this_host() {
    PageAccess access = PageAccess.ofThisHost(List.of(), Optional.empty());
    PageCaller passedOn =
        new PageCaller(
            at("127.0.0.1"),
            at("127.0.0.1"),
            Optional.of("localhost"),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            true);
    assertThat(refusal(access, PageKind.LARGE, passedOn)).isEqualTo("token");
  }

  @Test
  void an_agents_token_is_needed_by_its_host_too_but_not_on_its_socket() throws IOException {
    PageAccess access = PageAccess.ofAddress(List.of(), Optional.of(token(TOKEN)));
    assertThat(refusal(access, PageKind.ORDER, here("localhost"))).isEqualTo("token");
    assertThat(
            refusal(
                access,
                PageKind.ORDER,
                caller("127.0.0.1", "127.0.0.1", "localhost", null, null, "bearer " + TOKEN)))
        .isEmpty();
    PageCaller onSocket =
        new PageCaller(
            UnixDomainSocketAddress.of(""),
            UnixDomainSocketAddress.of("/run/agent.sock"),
            Optional.of("localhost"),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            false);
    assertThat(refusal(access, PageKind.ORDER, onSocket)).isEmpty();
  }

  @Test
  void tokens_are_read_again_and_nobody_is_let_in_without() throws Exception {
    AccessToken token = token(TOKEN);
    assertThat(token.admits("Bearer " + TOKEN)).isTrue();
    String next = TOKEN.replace('0', '9');
    Files.writeString(directory.resolve("tokens"), TOKEN + "\n" + next + "\n");
    await().until(() -> token.admits("Bearer " + next));
    assertThat(token.admits("Bearer " + TOKEN)).as("both, while one is replaced").isTrue();
    Files.delete(directory.resolve("tokens"));
    await().until(() -> !token.admits("Bearer " + next));
    assertThat(token.admits("Bearer ")).isFalse();
  }

  @Test
  void a_file_without_a_usable_token_is_an_error() throws Exception {
    Path file = directory.resolve("t");
    assertThat(AccessToken.problem(file)).contains(file + ": no such file or directory");
    Files.writeString(file, "\n");
    assertThat(AccessToken.problem(file)).contains(file + ": it has no token");
    Files.writeString(file, "secret\n");
    assertThat(AccessToken.problem(file))
        .contains(file + ": a token is shorter than 16 characters");
    assertThat(AccessToken.problem(directory))
        .contains(directory + ": it is a directory, not a file");
    assertThat(AccessToken.problem(Path.of("/dev/zero")))
        .contains("/dev/zero: it is a FIFO, a socket or a device, not a file");
    Files.write(file, new byte[9_000]);
    assertThat(AccessToken.problem(file).orElseThrow()).contains("more than the 8192");
    Files.writeString(file, TOKEN + "\n");
    assertThat(AccessToken.problem(file)).isEmpty();
    assertThat(AccessToken.first(file)).isEqualTo(TOKEN);
  }

  private PagesServer onSocket(Path socket) {
    return new PagesServer("x", HostPort.parse("127.0.0.1:0"), "listen", Telemetry.create())
        .order("PUT", "/report", "", request -> PageAnswer.text("thanks"))
        .alsoOn(socket, "listen-socket");
  }

  private static boolean accepts(Path socket) {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      return channel.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void a_socket_is_for_owner_and_group_and_has_one_listener() throws Exception {
    Path socket = directory.resolve("agent.sock");
    try (PagesServer pages = onSocket(socket)) {
      pages.start();
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
          .isEqualTo("rw-rw----");
      assertThat(accepts(socket)).isTrue();
      try (PagesServer second = onSocket(socket)) {
        assertThatThrownBy(second::start)
            .hasMessage(
                "listen-socket: another process listens on "
                    + socket
                    + "; stop it, or choose another path");
      }
      assertThat(accepts(socket)).as("the first goes on").isTrue();
    }
    assertThat(socket).doesNotExist();
  }

  @Test
  void a_socket_left_behind_is_replaced_and_another_file_is_not() throws Exception {
    Path socket = directory.resolve("agent.sock");
    try (var left = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      left.bind(UnixDomainSocketAddress.of(socket));
    }
    assertThat(socket).exists();
    try (PagesServer pages = onSocket(socket)) {
      pages.start();
      assertThat(accepts(socket)).isTrue();
    }
    Files.writeString(socket, "precious");
    try (PagesServer pages = onSocket(socket)) {
      assertThatThrownBy(pages::start)
          .hasMessage("listen-socket: " + socket + " exists and is no socket; not replaced");
    }
    assertThat(socket).hasContent("precious");
  }

  @Test
  void pages_for_this_host_are_refused_to_who_comes_through_it() throws Exception {
    try (PagesServer pages =
        new PagesServer("x", HostPort.parse("127.0.0.1:0"), "admin", Telemetry.create())
            .probe("/healthz", "", Optional::empty)
            .get("/fleet", PageKind.LARGE, "", request -> PageAnswer.text("servers"))) {
      pages.start();
      String through = "X-Forwarded-For: 203.0.113.9";
      try (RawClient health = RawClient.asking(pages.address(), "GET", "/healthz", through);
          RawClient fleet = RawClient.asking(pages.address(), "GET", "/fleet", through);
          RawClient local = RawClient.asking(pages.address(), "GET", "/fleet")) {
        assertThat(health.status()).isEqualTo(200);
        assertThat(fleet.status()).isEqualTo(403);
        assertThat(local.status()).isEqualTo(200);
      }
    }
  }

  @Test
  void only_what_a_page_is_for_is_done() throws Exception {
    try (PagesServer pages =
        new PagesServer("x", HostPort.parse("127.0.0.1:0"), "admin", Telemetry.create())
            .get("/fleet", PageKind.LARGE, "", request -> PageAnswer.text("servers"))) {
      pages.start();
      for (String method : List.of("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")) {
        try (RawClient client =
            RawClient.asking(pages.address(), method, "/fleet", "Content-Length: 0")) {
          assertThat(client.status()).as(method).isIn(405, 501);
        }
      }
      try (RawClient head = RawClient.asking(pages.address(), "HEAD", "/fleet")) {
        assertThat(head.status()).isEqualTo(200);
      }
    }
  }
}
