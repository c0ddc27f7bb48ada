package io.bolina.controlplane.config;

import io.bolina.controlplane.gate.GateRulesReader;
import io.bolina.registry.model.Network;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.setting.InvalidSettings;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The configuration file, the gate's rules, and texts of settings (the first byte says which):
 * whatever is wrong is an error in words.
 */
public final class ConfigurationFuzz {
  private static final Path FILE = file();

  private ConfigurationFuzz() {}

  private static Path file() {
    try {
      Path shared = Path.of("/dev/shm"); // in memory
      Path file =
          Files.isWritable(shared)
              ? Files.createTempFile(shared, "bolina-fuzz", ".yaml")
              : Files.createTempFile("bolina-fuzz", ".yaml");
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static void fuzzerTestOneInput(byte[] data) throws IOException {
    if (data.length == 0) {
      return;
    }
    byte[] rest = Arrays.copyOfRange(data, 1, data.length);
    String text = new String(rest, StandardCharsets.UTF_8);
    switch (data[0] & 3) {
      case 0 -> {
        Files.write(FILE, rest);
        settings(Map.of(), Optional.of(FILE));
      }
      case 1 -> GateRulesReader.read(text, List.of("bolina"));
      case 2 -> {
        // One setting's text, none of those that name files.
        int cut = text.indexOf('=');
        String key = cut < 0 ? text : text.substring(0, cut);
        if (!key.contains("file") && !key.contains("dir")) {
          settings(Map.of(key, List.of(text.substring(cut + 1))), Optional.empty());
        }
      }
      default -> {
        try {
          HostPort.parse(text);
        } catch (IllegalArgumentException e) {
          // said in words
        }
        try {
          Network.parse(text);
        } catch (IllegalArgumentException e) {
          // said in words
        }
      }
    }
  }

  private static void settings(Map<String, List<String>> commandLine, Optional<Path> file) {
    SettingValues values =
        SettingValues.read(ControlPlaneConfig.SETTINGS, commandLine, file, Map.of());
    try {
      values.throwIfInvalid();
    } catch (InvalidSettings e) {
      if (e.getMessage().isBlank()) {
        throw new IllegalStateException("errors without words", e);
      }
    }
  }
}
