package io.bolina.sandbox.process;

import io.bolina.runtime.Installation;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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
  CRDS;

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
    Path script = Installation.home().resolve("real-parts/install.sh");
    run(new ProcessBuilder(script.toString(), program()).inheritIO());
    return Path.of(run(new ProcessBuilder(script.toString(), "--path", program())).strip());
  }

  private String program() {
    return name().toLowerCase(Locale.ROOT);
  }

  private String run(ProcessBuilder builder) throws IOException {
    Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      int status = process.waitFor();
      if (status != 0) {
        throw new IOException(
            "the real "
                + program()
                + " could not be had: '"
                + String.join(" ", builder.command())
                + "' ended with status "
                + status
                + ". Mend what it says above and run it by hand, or put '"
                + program()
                + "' on PATH");
      }
      return output;
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
