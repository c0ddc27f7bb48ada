package io.bolina.runtime;

import java.io.IOException;
import java.net.BindException;
import java.net.UnknownHostException;
import java.nio.channels.UnresolvedAddressException;
import java.util.Locale;

/** An address cannot be listened on. The message says which, why, and what to do. */
public final class ListenFailed extends IOException {
  private static final long serialVersionUID = 1L;

  private ListenFailed(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * The error of an address.
   *
   * @param setting the key of the setting that the address comes from
   * @param failure what the library threw
   */
  public static ListenFailed on(HostPort address, String setting, Throwable failure) {
    return new ListenFailed(
        setting + ": cannot listen on " + address + ": " + reason(failure), failure);
  }

  /** The same error with more to do about it. */
  public ListenFailed withHint(String hint) {
    return new ListenFailed(getMessage() + "; " + hint, getCause());
  }

  private static String reason(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String message = String.valueOf(root.getMessage()).toLowerCase(Locale.ROOT);
    if (root instanceof UnresolvedAddressException
        || root instanceof UnknownHostException
        || message.contains("unresolved")) {
      return "the host name cannot be resolved";
    }
    if (root instanceof BindException || message.contains("in use") || message.contains("bind(")) {
      return bind(message);
    }
    return FailureReason.of(root);
  }

  private static String bind(String message) {
    if (message.contains("cannot assign")) {
      return "it is not an address of this host";
    }
    if (message.contains("permission")) {
      return "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE";
    }
    return message.contains("in use")
        ? "address already in use; stop the other process, or choose another port"
        : message;
  }
}
