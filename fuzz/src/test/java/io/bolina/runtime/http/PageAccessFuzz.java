package io.bolina.runtime.http;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Headers of a request for a page, one a line: Host, Origin, Sec-Fetch-Site, Authorization. Without
 * the token nobody from elsewhere is let in, and no other site nor other name on this host.
 */
public final class PageAccessFuzz {
  private static final String TOKEN = "0123456789abcdef-only-the-operator-has-it";
  private static final Pattern LINE = Pattern.compile("\n");
  private static final PageAccess ACCESS =
      PageAccess.ofThisHost(List.of("bolina.example"), Optional.of(token()));
  private static final InetSocketAddress HERE = address(new byte[] {127, 0, 0, 1});
  private static final InetSocketAddress THERE = address(new byte[] {10, 0, 0, 7});

  private PageAccessFuzz() {}

  private static AccessToken token() {
    try {
      Path file = Files.createTempFile("bolina-fuzz", ".token");
      file.toFile().deleteOnExit();
      Files.writeString(file, TOKEN + "\n");
      return new AccessToken(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static InetSocketAddress address(byte[] bytes) {
    try {
      return new InetSocketAddress(InetAddress.getByAddress(bytes), 18080);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void fuzzerTestOneInput(byte[] data) {
    Iterator<String> lines =
        LINE.splitAsStream(new String(data, StandardCharsets.UTF_8)).iterator();
    Optional<String> host = next(lines);
    Optional<String> origin = next(lines);
    Optional<String> site = next(lines);
    Optional<String> authorization = next(lines);
    boolean hasToken = authorization.filter(a -> a.contains(TOKEN)).isPresent();
    for (PageKind kind : PageKind.values()) {
      boolean open = kind == PageKind.PROBE || kind.isOpenToAnybody();
      PageCaller far = new PageCaller(THERE, HERE, host, origin, site, authorization, false);
      require(open || hasToken || ACCESS.refusal(kind, far).isPresent(), "let in without a token");
      PageCaller near = new PageCaller(HERE, HERE, host, origin, site, authorization, false);
      boolean letIn = ACCESS.refusal(kind, near).isEmpty();
      require(
          kind == PageKind.PROBE || !letIn || site.isEmpty() || !site.get().equals("cross-site"),
          "another site is let in");
      require(
          kind == PageKind.PROBE || !letIn || host.isEmpty() || isOurs(host.get()),
          "asked by another's name: " + host);
    }
  }

  private static Optional<String> next(Iterator<String> lines) {
    return lines.hasNext() ? Optional.of(lines.next()).filter(l -> !l.isEmpty()) : Optional.empty();
  }

  /** Said otherwise than in {@link OwnNames}: what is no address of this host must be a name. */
  private static boolean isOurs(String host) {
    String bare = host.replaceFirst(":[0-9]{1,5}$", "").replaceFirst("\\.$", "");
    return bare.equalsIgnoreCase("localhost")
        || bare.equalsIgnoreCase("bolina.example")
        || bare.matches("127(\\.[0-9]{1,3}){3}")
        || bare.matches("\\[[0-9A-Fa-f:.]+]");
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }
}
