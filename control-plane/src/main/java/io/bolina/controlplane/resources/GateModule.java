package io.bolina.controlplane.resources;

import io.bolina.runtime.Installation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The gate's module as this checkout builds it. */
public final class GateModule {
  /** What its file is called: Envoy looks for it by that name. */
  public static final String FILE = "libbolina_gate.so";

  private GateModule() {}

  /** The folder in which it is; empty if it was not built, for want of a Rust compiler. */
  public static Optional<Path> folder() throws IOException {
    Path folder = Installation.home().resolve("gate/target");
    return Files.exists(folder.resolve(FILE)) ? Optional.of(folder) : Optional.empty();
  }

  /**
   * The same, where it must be there.
   *
   * @throws IOException saying how to get it
   */
  public static Path neededFolder() throws IOException {
    return folder()
        .orElseThrow(
            () ->
                new IOException(
                    "the gate's module is not built; run gate/build.sh, which says what it needs (a Rust"
                        + " compiler)"));
  }
}
