package io.bolina.it.kubernetes;

import io.bolina.runtime.FailureReason;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.RealPart;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A real Kubernetes with a kubelet and real pods. Without the environment variable {@value
 * #KUBECONFIG} it is one of our own, started by src-test-it/cluster and gone with the last JVM that
 * uses it. Several may: they take turns, since a test may stop parts of it.
 */
public final class RealKubernetes {
  private static final String KUBECONFIG = "KUBECONFIG";
  private static final String FAMILY = "BOLINA_CLUSTER_FAMILY";

  /** The parts may have to be built first, on a machine that others use too. */
  private static final Duration LONGEST = Duration.ofHours(1);

  private static RealKubernetes running;
  private static FileChannel turn;
  private static int turns;

  private final Path kubeconfig;
  private final Optional<Path> directory;

  private RealKubernetes(Path kubeconfig, Optional<Path> directory) {
    this.kubeconfig = kubeconfig;
    this.directory = directory;
  }

  /**
   * The cluster, started when first asked for.
   *
   * @throws IOException if it is not available; says how to get it
   */
  public static synchronized RealKubernetes running() throws IOException {
    if (running == null) {
      String named = System.getenv(KUBECONFIG);
      running = named == null || named.isBlank() ? start() : foreign(Path.of(named));
    }
    return running;
  }

  private static RealKubernetes foreign(Path kubeconfig) throws IOException {
    if (!Files.isReadable(kubeconfig)) {
      throw new IOException("KUBECONFIG names " + kubeconfig + ", which cannot be read");
    }
    return new RealKubernetes(kubeconfig, Optional.empty());
  }

  private static RealKubernetes start() throws IOException {
    Path directory = Path.of(System.getProperty("java.io.tmpdir"), "bolina-it-cluster");
    try (FileChannel starting = lockFile("starting");
        FileLock lock = starting.lock()) {
      assert lock.isValid();
      if (others().isEmpty()) {
        script(directory, "down"); // what a run that was killed left behind
      }
      Files.writeString(users().resolve(me()), "");
      Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(directory), "stop-kubernetes"));
      String kubeconfig = script(directory, "up").strip();
      return new RealKubernetes(Path.of(kubeconfig), Optional.of(directory));
    }
  }

  private static void stop(Path directory) {
    try (FileChannel starting = lockFile("starting");
        FileLock lock = starting.lock()) {
      assert lock.isValid();
      Files.deleteIfExists(users().resolve(me()));
      if (others().isEmpty()) {
        script(directory, "down");
      }
    } catch (IOException e) {
      System.err.println("cannot stop the cluster: " + FailureReason.of(e));
    }
  }

  /**
   * Uses the cluster as others do at the same time, each in namespaces of its own, until {@link
   * #endTurn}. Waits while another JVM has it alone. Within this JVM, turns may overlap.
   */
  public static void takePart() throws IOException {
    takeTurn(true);
  }

  /**
   * Waits until no other JVM uses the cluster, and has it alone until {@link #endTurn}: for who
   * stops parts of it.
   */
  public static void takeAlone() throws IOException {
    takeTurn(false);
  }

  private static synchronized void takeTurn(boolean shared) throws IOException {
    if (turns++ == 0) {
      turn = lockFile("turn");
      FileLock lock = turn.lock(0, Long.MAX_VALUE, shared);
      assert lock.isValid();
    }
  }

  /** Lets others have it. */
  public static synchronized void endTurn() throws IOException {
    if (--turns == 0) {
      turn.close(); // and with it the lock
    }
  }

  private static FileChannel lockFile(String name) throws IOException {
    return FileChannel.open(
        users().resolve(name),
        StandardOpenOption.CREATE,
        StandardOpenOption.READ,
        StandardOpenOption.WRITE);
  }

  /** Where each JVM that uses the cluster has a file. */
  private static Path users() throws IOException {
    return Files.createDirectories(
        Path.of(System.getProperty("java.io.tmpdir"), "bolina-it-cluster-users"));
  }

  private static String me() {
    return Long.toString(ProcessHandle.current().pid());
  }

  /** The other JVMs that use it and are alive. */
  private static List<String> others() throws IOException {
    try (Stream<Path> files = Files.list(users())) {
      return files
          .map(f -> f.getFileName().toString())
          .filter(name -> name.matches("\\d+") && !name.equals(me()))
          .filter(pid -> ProcessHandle.of(Long.parseLong(pid)).isPresent())
          .toList();
    }
  }

  public Path kubeconfig() {
    return kubeconfig;
  }

  /** Whether it is our own, whose parts can be stopped and started. */
  public boolean isOurs() {
    return directory.isPresent();
  }

  /** Whether our own has IPv6 addresses, alone or besides: {@value #FAMILY} is 6 or 46. */
  public boolean hasIpv6() {
    return isOurs() && System.getenv().getOrDefault(FAMILY, "4").contains("6");
  }

  /** Whether it has no others. */
  public boolean isIpv6Alone() {
    return hasIpv6() && "6".equals(System.getenv(FAMILY));
  }

  /** Where clients of our own may have addresses; empty for the loopback ones. */
  public Optional<InetAddress> clientNetwork() throws IOException {
    return isIpv6Alone() ? Optional.of(InetAddress.getByName("fd00:215::")) : Optional.empty();
  }

  /** Kills a part of our own cluster, such as {@code apiserver}. */
  public void kill(String part) throws IOException {
    script(directory.orElseThrow(), "stop", part);
  }

  /** Starts a part of our own cluster again. */
  public void start(String part) throws IOException {
    script(directory.orElseThrow(), "start", part);
  }

  /**
   * Makes Bolina's image known to the cluster and returns its name. Another cluster must have it
   * already, under the name in BOLINA_IT_IMAGE.
   *
   * @throws IOException if it is not available; says how to get it
   */
  public String bolinaImage() throws IOException {
    if (isOurs()) {
      return load("localhost/bolina-it:1", "deploy/image/build");
    }
    String named = System.getenv("BOLINA_IT_IMAGE");
    if (named == null || named.isBlank()) {
      throw new IOException(
          "set BOLINA_IT_IMAGE to an image made by 'deploy/image/build OUT.tar NAME:TAG' that the cluster"
              + " knows (kind load image-archive OUT.tar)");
    }
    return named;
  }

  /**
   * Makes an image of a real part known to our own cluster and returns its name. Another cluster
   * fetches the official one (empty), unless BOLINA_IT_ENVOY_IMAGE or BOLINA_IT_CONSUL_IMAGE names
   * one that it has.
   */
  public Optional<String> partImage(RealPart part) throws IOException {
    String name = part.name().toLowerCase(Locale.ROOT);
    return isOurs()
        ? Optional.of(load("localhost/" + name + "-it:1", "src-test-it/part-image", name))
        : Optional.ofNullable(System.getenv("BOLINA_IT_" + part + "_IMAGE"));
  }

  private String load(String name, String... script) throws IOException {
    Path image = Files.createTempFile("bolina-image", ".tar");
    try {
      List<String> command = new ArrayList<>(List.of(script));
      command.set(0, Installation.home().resolve(script[0]).toString());
      command.addAll(List.of(image.toString(), name));
      run(command);
      script(directory.orElseThrow(), "load", image.toString());
    } finally {
      Files.deleteIfExists(image);
    }
    return name;
  }

  private static String script(Path directory, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Installation.home().resolve("src-test-it/cluster").toString());
    command.addAll(List.of(arguments));
    command.add(directory.toString());
    return run(command);
  }

  private static String run(List<String> command) throws IOException {
    try {
      return Command.of(command).within(LONGEST).errorsShown().run();
    } catch (IOException e) {
      throw new IOException(
          FailureReason.of(e) + "\nOr set KUBECONFIG to a cluster of your own", e);
    }
  }
}
