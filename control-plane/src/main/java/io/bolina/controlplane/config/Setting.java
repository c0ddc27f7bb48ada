package io.bolina.controlplane.config;

/**
 * One setting of a control plane: an option of the command line ({@code --key}) and a key of the
 * YAML file. The list of all is what the command line, the file's check and docs/configuration.md
 * are made from.
 *
 * @param value what its value looks like
 * @param standard its default as it would be written; empty if there is none
 * @param repeatable whether it may be given several times (a list in the file)
 * @param description what it does and why, for {@code --help}
 */
public record Setting(
    String key, String value, String standard, boolean repeatable, String description) {

  static Setting of(String key, String value, String standard, String description) {
    return new Setting(key, value, standard, false, description);
  }
}
