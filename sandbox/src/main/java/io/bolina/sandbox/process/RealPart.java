package io.bolina.sandbox.process;

import io.bolina.runtime.Installation;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The real programs that Bolina works with, and where they are. */
public enum RealPart {
  ENVOY,
  CONSUL,
  /** Its path is that of kube-apiserver; the other programs lie beside it. */
  KUBERNETES,
  HELM,
  /** A parser of PromQL. */
  PROMQL,
  /** The Prometheus Operator's resource definitions; its path is one of the files. */
  CRDS,
  /** Its path is that of the program with quic-go; the one with quinn lies beside it. */
  QUIC;

  /** Kubernetes is built from its source, on a machine that others use too. */
  private static final Duration INSTALLATION = Duration.ofHours(1);

  /** The part's program on PATH, if there is one. */
  public Optional<Path> onPath() {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, program()))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * The part in the version that Bolina is tested with, installed into the cache if it is not there
   * yet, which is shown on the terminal.
   *
   * @throws IOException if it cannot be installed; says how to get it
   */
  public Path installed() throws IOException {
    String script = Installation.home().resolve("real-parts/install.sh").toString();
    try {
      Command.of(script, program()).within(INSTALLATION).errorsShown().run();
      return Path.of(Command.of(script, "--path", program()).errorsShown().run().strip());
    } catch (IOException e) {
      throw new IOException(
          "cannot install "
              + program()
              + ": correct what is said above and run '"
              + script
              + " "
              + program()
              + "' by hand, or put '"
              + program()
              + "' on PATH",
          e);
    }
  }

  private String program() {
    return name().toLowerCase(Locale.ROOT);
  }
}
