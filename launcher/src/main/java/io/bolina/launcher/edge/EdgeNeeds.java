package io.bolina.launcher.edge;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What an Envoy needs of its host for a number of sessions.
 *
 * @param sessions the most sessions it may have: the control plane's {@code max-sessions}
 */
public record EdgeNeeds(long sessions) {
  /** What Envoy needs besides: listeners, streams, its own pages, with room to spare. */
  private static final long OTHER_FILES = 1_000;

  private static final long LISTENER_BUFFER = 4L << 20;

  /**
   * One check of a host.
   *
   * @param fatal whether Envoy would abort; otherwise datagrams or sessions would be lost at the
   *     limit
   */
  public record HostCheck(String what, boolean enough, boolean fatal, String message) {}

  /**
   * @throws IllegalArgumentException if it is less than 1
   */
  public EdgeNeeds {
    if (sessions < 1) {
      throw new IllegalArgumentException("is " + sessions + ", less than 1");
    }
  }

  /** Open files: one a session. */
  public long openFiles() {
    return sessions + OTHER_FILES;
  }

  /** The kernel's settings by name, as {@code sysctl} takes them. */
  public Map<String, String> settings() {
    Map<String, String> wanted = new LinkedHashMap<>();
    wanted.put("net.core.rmem_default", Long.toString(LISTENER_BUFFER));
    wanted.put("net.core.rmem_max", Long.toString(4 * LISTENER_BUFFER));
    wanted.put("net.core.netdev_max_backlog", "10000");
    wanted.put("net.ipv4.ip_local_port_range", "10240 65535");
    return wanted;
  }

  /**
   * Compares with what a host has.
   *
   * @throws IOException if the host's limit of open files cannot be read
   */
  public List<HostCheck> compare(EdgeHost host) throws IOException {
    List<HostCheck> checks = new ArrayList<>();
    long files = host.openFiles();
    checks.add(
        new HostCheck(
            "open files",
            files >= openFiles(),
            true,
            files >= openFiles()
                ? limit(files)
                : String.format(
                    Locale.ROOT,
                    "%,d, and %,d sessions need %,d: an Envoy that runs out of them aborts with all its sessions. Raise the"
                        + " hard limit (LimitNOFILE of Envoy's unit, or of containerd's), or set max-sessions to %d",
                    files,
                    sessions,
                    openFiles(),
                    Math.max(1, files - OTHER_FILES))));
    long atStart = host.openFilesAtStart();
    if (atStart < openFiles() && files >= openFiles()) {
      checks.add(
          new HostCheck(
              "open files at start",
              true,
              false,
              String.format(
                  Locale.ROOT,
                  "the soft limit is %,d, which Envoy raises to the hard one itself (tried with 1.40.0); an old version does"
                      + " not, and aborts: start that with 'ulimit -Sn %d'",
                  atStart,
                  openFiles())));
    }
    boolean shared = host.hasSharedMemory();
    checks.add(
        new HostCheck(
            "hot restart",
            shared,
            false,
            shared
                ? "/dev/shm is writable"
                : "/dev/shm is missing or not writable for this user: Envoy cannot run under bolina-envoy, and each of its"
                    + " restarts ends all sessions (docs/hot-restart.md)"));
    settings()
        .forEach(
            (name, wanted) ->
                host.setting(name).ifPresent(has -> checks.add(setting(name, wanted, has))));
    return checks;
  }

  /**
   * Raises the kernel's settings that are below what is needed; none is lowered.
   *
   * @throws IOException if that is not allowed
   */
  public void tune(EdgeHost host) throws IOException {
    for (Map.Entry<String, String> wanted : settings().entrySet()) {
      Optional<List<Long>> has = host.setting(wanted.getKey());
      if (has.isPresent() && !setting(wanted.getKey(), wanted.getValue(), has.get()).enough()) {
        host.set(wanted.getKey(), wanted.getValue());
      }
    }
  }

  private HostCheck setting(String name, String wanted, List<Long> has) {
    if (has.size() == 2) {
      long ports = has.get(1) - has.get(0) + 1;
      boolean enough = ports >= Math.min(sessions, 65_535 - 10_240 + 1);
      return new HostCheck(
          name,
          enough,
          false,
          enough
              ? number(ports) + " ports"
              : String.format(
                  Locale.ROOT,
                  "%,d ports: that many sessions between this Envoy and one server at most; %s gives %,d",
                  ports,
                  wanted,
                  65_535 - 10_240 + 1));
    }
    boolean enough = has.get(0) >= Long.parseLong(wanted);
    return new HostCheck(
        name,
        enough,
        false,
        enough
            ? number(has.get(0))
            : number(has.get(0))
                + (name.contains("rmem")
                    ? ": what a listener's socket holds while its worker is busy; bursts above it are lost"
                    : ": bursts above it are lost")
                + ". Wanted: "
                + wanted);
  }

  private static String limit(long files) {
    return files == Long.MAX_VALUE ? "unlimited" : number(files);
  }

  private static String number(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }
}
