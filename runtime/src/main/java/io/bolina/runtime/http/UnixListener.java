package io.bolina.runtime.http;

import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Unix socket for a server's pages. It is made under another name and moved to its place when its
 * mode is right, so that nobody connects before; one that a process left behind is replaced, one
 * that somebody listens on is not.
 */
final class UnixListener {
  /** For its owner and group: whoever may write to the socket may connect. */
  private static final String MODE = "rw-rw----";

  private static final Logger log = LoggerFactory.getLogger(UnixListener.class);

  private final Path socket;
  private final Path aside;
  private final String setting;
  private boolean published;

  UnixListener(
      Path socket,
      String setting,
      Server server,
      HttpConnectionFactory http,
      PageConnections connections) {
    this.socket = socket;
    this.aside = socket.resolveSibling(socket.getFileName() + ".new");
    this.setting = setting;
    UnixDomainServerConnector connector = new UnixDomainServerConnector(server, 1, 1, http);
    connector.setUnixDomainPath(aside);
    connector.setAcceptQueueSize(128);
    connector.setIdleTimeout(0);
    connector.addBean(connections);
    server.addConnector(connector);
  }

  /** Before it is listened on. */
  void prepare() throws IOException {
    if (aside.toString().length() > UnixDomainServerConnector.MAX_UNIX_DOMAIN_PATH_LENGTH) {
      throw new IOException(
          setting
              + ": "
              + socket
              + " is too long for a Unix socket: "
              + (UnixDomainServerConnector.MAX_UNIX_DOMAIN_PATH_LENGTH - ".new".length())
              + " bytes at most");
    }
    Path directory = socket.toAbsolutePath().getParent();
    if (directory == null || !Files.isDirectory(directory) || !Files.isWritable(directory)) {
      throw new IOException(
          setting + ": cannot listen on " + socket + ": its directory is missing or not writable");
    }
    Optional<BasicFileAttributes> there = attributes(socket);
    if (there.isPresent() && !there.get().isOther()) {
      throw new IOException(setting + ": " + socket + " exists and is no socket; not replaced");
    }
    if (there.isPresent() && isListenedOn()) {
      throw new IOException(
          setting + ": another process listens on " + socket + "; stop it, or choose another path");
    }
    if (attributes(aside).filter(BasicFileAttributes::isOther).isPresent()) {
      Files.delete(aside); // of a process that was killed while it began
    }
  }

  /** Once it is listened on. */
  void publish() throws IOException {
    try {
      Files.setPosixFilePermissions(aside, PosixFilePermissions.fromString(MODE));
      Files.move(aside, socket, StandardCopyOption.ATOMIC_MOVE);
      published = true;
    } catch (AtomicMoveNotSupportedException e) {
      throw new IllegalStateException("in one directory a move is atomic", e);
    } catch (IOException e) {
      throw new IOException(
          setting + ": cannot listen on " + socket + ": " + FailureReason.of(e), e);
    }
  }

  void remove() {
    if (published) {
      published = false;
      try {
        Files.deleteIfExists(socket);
      } catch (IOException e) {
        log.atDebug().addKeyValue("socket", socket).setCause(e).log("socket left behind");
      }
    }
  }

  private static Optional<BasicFileAttributes> attributes(Path path) throws IOException {
    return Files.exists(path, LinkOption.NOFOLLOW_LINKS)
        ? Optional.of(
            Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS))
        : Optional.empty();
  }

  private boolean isListenedOn() {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      return channel.isConnected();
    } catch (IOException e) {
      return false;
    }
  }
}
