package io.bolina.runtime.setting;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A URL, or what was meant to be one, as it may be shown: without a user, a password and a query.
 */
public final class ShownUrl {
  private static final Pattern SCHEME = Pattern.compile("[a-zA-Z][a-zA-Z0-9+.-]*://");
  private static final Pattern QUERY = Pattern.compile("[?#]");

  private ShownUrl() {}

  /** The text without them, each left out as {@code …}. */
  public static String of(String text) {
    Matcher scheme = SCHEME.matcher(text);
    String shown = scheme.lookingAt() ? scheme.group() : "";
    String rest = text.substring(shown.length());
    int login = rest.lastIndexOf('@') + 1;
    Matcher query = QUERY.matcher(rest);
    if (!query.find()) {
      return shown + (login > 0 ? "…@" : "") + rest.substring(login);
    }
    // Before an @ it may be a password's, and the @ may be a query's.
    return query.start() < login
        ? shown + "…"
        : shown + (login > 0 ? "…@" : "") + rest.substring(login, query.start()) + "…";
  }
}
