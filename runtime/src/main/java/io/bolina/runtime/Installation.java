package io.bolina.runtime;

import java.io.IOException;
import java.nio.file.Path;

/** Where this Bolina is installed: a checkout, or a folder with the same layout. */
public final class Installation {
  /** The system property that names the folder. The launcher sets it. */
  public static final String HOME_PROPERTY = "bolina.home";

  private Installation() {}

  /**
   * The installation's folder.
   *
   * @throws IOException if the property is not set; says what to do
   */
  public static Path home() throws IOException {
    String home = System.getProperty(HOME_PROPERTY);
    if (home == null) {
      throw new IOException(
          "system property "
              + HOME_PROPERTY
              + " is not set; start through ./bolina, or set it to the installation's folder");
    }
    return Path.of(home).toAbsolutePath().normalize();
  }
}
