package io.bolina.runtime.http;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Who may ask for a page: probes and metrics are for anybody, the rest for this host, or for who
 * has a token. No page in a browser is answered but the program's own.
 */
public final class PageAccess {
  private final OwnNames names;
  private final Optional<AccessToken> token;
  private final boolean tokenAlways;

  /** Why a request is refused, in one word for metrics, and what is answered. */
  record Refusal(String reason, PageAnswer answer) {}

  private PageAccess(OwnNames names, Optional<AccessToken> token, boolean tokenAlways) {
    this.names = names;
    this.token = token;
    this.tokenAlways = tokenAlways;
  }

  /**
   * Pages that this host may read, and others with a token if there is one.
   *
   * @param names by which the program is asked
   */
  public static PageAccess ofThisHost(List<String> names, Optional<AccessToken> token) {
    return new PageAccess(new OwnNames(names), token, false);
  }

  /**
   * Pages for everybody who reaches the address, unless there is a token: then over TCP it must be
   * shown, by this host too.
   */
  public static PageAccess ofAddress(List<String> names, Optional<AccessToken> token) {
    return new PageAccess(new OwnNames(names), token, true);
  }

  /** Why somebody may not have a page; empty if all is well. */
  Optional<Refusal> refusal(PageKind kind, PageCaller caller) {
    if (kind == PageKind.PROBE) {
      return Optional.empty();
    }
    boolean mindsName = caller.toLoopback() || kind == PageKind.ORDER || kind == PageKind.WAIT;
    if (mindsName && !caller.overUnixSocket() && !isAskedByOwnName(caller)) {
      return Optional.of(
          new Refusal(
              "host", PageAnswer.text(421, "the Host header is none of this program's names\n")));
    }
    if (isOfAnotherSite(caller)) {
      return Optional.of(
          new Refusal("origin", PageAnswer.text(403, "not for pages of other sites\n")));
    }
    return kind.isOpenToAnybody() || isKnown(caller)
        ? Optional.empty()
        : Optional.of(new Refusal("token", unknown()));
  }

  private boolean isAskedByOwnName(PageCaller caller) {
    // Only a client of HTTP/1.0 may leave it out, which no browser is.
    return caller.host().isEmpty() || names.have(caller.host().get(), caller.local());
  }

  private static boolean isOfAnotherSite(PageCaller caller) {
    boolean otherSite =
        caller
            .fetchSite()
            .filter(site -> !Set.of("same-origin", "none").contains(site))
            .isPresent();
    boolean otherOrigin =
        caller
            .origin()
            .filter(
                origin ->
                    caller
                        .host()
                        .filter(
                            host ->
                                origin.equalsIgnoreCase("http://" + host)
                                    || origin.equalsIgnoreCase("https://" + host))
                        .isEmpty())
            .isPresent();
    return otherSite || otherOrigin;
  }

  private boolean isKnown(PageCaller caller) {
    boolean byToken =
        token.isPresent() && caller.authorization().filter(token.get()::admits).isPresent();
    boolean byPlace =
        tokenAlways ? caller.overUnixSocket() || token.isEmpty() : caller.fromThisHost();
    return byToken || byPlace;
  }

  private PageAnswer unknown() {
    return token.isPresent()
        ? PageAnswer.text(401, "needs an access token (Authorization: Bearer …)\n")
            .with("WWW-Authenticate", "Bearer realm=\"bolina\"")
        : PageAnswer.text(403, "only for this host: no access token is set\n");
  }
}
