package io.bolina.runtime.setting;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;

/** What documents and the chart say of settings, written from the declarations. */
public final class SettingsDocument {
  private SettingsDocument() {}

  /** A Markdown table. */
  public static String table(Collection<Setting<?>> settings) {
    StringBuilder table = new StringBuilder("| key | value | default | environment | |\n");
    table.append("| --- | --- | --- | --- | --- |\n");
    for (Setting<?> setting : settings) {
      List<String> variables =
          setting.secret() ? setting.environment().subList(1, 2) : setting.environment();
      table
          .append("| ")
          .append(setting.secret() ? "" : code(setting.key()))
          .append(" | ")
          .append(
              setting.type().label().isEmpty() ? "`true`, `false`" : code(setting.type().label()))
          .append(" | ")
          .append(setting.standard().map(SettingsDocument::code).orElse(setting.standardInWords()))
          .append(" | ")
          .append(variables.stream().map(SettingsDocument::code).collect(Collectors.joining(", ")))
          .append(" | ")
          .append(escaped(words(setting)))
          .append(" |\n");
    }
    return table.toString();
  }

  private static String words(Setting<?> setting) {
    String range = setting.type().range();
    return setting.help()
        + (range.isEmpty() ? "" : " Range: " + range + ".")
        + (setting.required() ? " Required." : "")
        + (setting.repeatable() ? " Repeatable." : "");
  }

  /** The properties of a JSON schema for an object of settings. */
  public static ObjectNode schema(Collection<Setting<?>> settings) {
    ObjectNode properties = JsonNodeFactory.instance.objectNode();
    for (Setting<?> setting : settings) {
      if (setting.secret()) {
        continue;
      }
      if (setting.repeatable()) {
        ArrayNode forms = properties.putObject(setting.key()).putArray("anyOf");
        forms.add(setting.type().schema());
        forms.addObject().put("type", "array").set("items", setting.type().schema());
        if (setting.type().label().equals("KEY=VALUE")) {
          forms.addObject().put("type", "object");
        }
      } else {
        properties.set(setting.key(), setting.type().schema());
      }
    }
    return properties;
  }

  private static String code(String text) {
    return text.isEmpty() ? "" : "`" + text.replace("|", "\\|") + "`";
  }

  private static String escaped(String text) {
    return text.replace("|", "\\|").replace("<", "&lt;");
  }
}
