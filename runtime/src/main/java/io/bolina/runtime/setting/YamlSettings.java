package io.bolina.runtime.setting;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A YAML file of {@code key: value}, with the line of each key. */
final class YamlSettings {
  private static final long LARGEST = 1 << 20;

  private final Path file;
  private final Map<String, Setting<?>> known = new HashMap<>();
  private final Map<String, GivenValues> given = new LinkedHashMap<>();
  private final List<String> errors;

  private YamlSettings(Path file, List<Setting<?>> settings, List<String> errors) {
    this.file = file;
    this.errors = errors;
    settings.stream().filter(s -> !s.secret()).forEach(s -> known.put(s.key(), s));
  }

  /** Reads a file; what is wrong with it is added to the errors. */
  static Map<String, GivenValues> read(Path file, List<Setting<?>> settings, List<String> errors) {
    YamlSettings yaml = new YamlSettings(file, settings, errors);
    int before = errors.size();
    try {
      if (Files.size(file) > LARGEST) {
        errors.add(file + ": larger than 1 MiB");
        return Map.of();
      }
      try (JsonParser parser = new YAMLFactory().createParser(Files.readString(file))) {
        yaml.read(parser);
      }
    } catch (JsonProcessingException e) {
      var at = e.getLocation();
      errors.subList(before, errors.size()).clear(); // of what is not YAML, nothing else is true
      yaml.given.clear();
      errors.add(
          file
              + (at == null ? "" : ":" + at.getLineNr())
              + ": not YAML: "
              + String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse(""));
    } catch (NoSuchFileException e) {
      errors.add(file + ": file not found");
    } catch (AccessDeniedException e) {
      errors.add(file + ": permission denied");
    } catch (IOException e) {
      errors.add(file + ": cannot be read: " + e);
    }
    return yaml.given;
  }

  private void read(JsonParser parser) throws IOException {
    JsonToken first = parser.nextToken();
    if (first == null || first == JsonToken.VALUE_NULL) {
      return; // an empty file
    }
    if (first == JsonToken.VALUE_STRING && parser.getText().isBlank()) {
      return;
    }
    if (first != JsonToken.START_OBJECT) {
      errors.add(file + ": not a list of 'key: value' lines");
      return;
    }
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      String where = file + ":" + parser.currentTokenLocation().getLineNr() + ": " + key;
      parser.nextToken();
      read(parser, key, where);
    }
  }

  private void read(JsonParser parser, String key, String where) throws IOException {
    List<String> values = new ArrayList<>();
    boolean readable = values(parser, values);
    Setting<?> setting = known.get(key);
    if (setting == null) {
      errors.add(
          where
              + ": no such setting"
              + Suggestion.nearest(key, known.keySet())
                  .map(near -> "; did you mean '" + near + "'?")
                  .orElse("; --help lists them all"));
    } else if (given.containsKey(key)) {
      errors.add(where + ": given twice");
    } else if (!readable || (values.size() > 1 && !setting.repeatable())) {
      errors.add(where + ": expected " + setting.type().label());
    } else if (!values.isEmpty()) {
      given.put(key, new GivenValues(values, where));
    }
  }

  /** A scalar, a list of scalars, or a map of them (as {@code KEY=VALUE}); none for null. */
  private static boolean values(JsonParser parser, List<String> values) throws IOException {
    switch (parser.currentToken()) {
      case VALUE_NULL -> {}
      case START_ARRAY -> {
        boolean flat = true;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          flat &= scalar(parser, "", values);
        }
        return flat;
      }
      case START_OBJECT -> {
        boolean flat = true;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          flat &= scalar(parser, name + "=", values);
        }
        return flat;
      }
      default -> values.add(parser.getText());
    }
    return true;
  }

  private static boolean scalar(JsonParser parser, String prefix, List<String> values)
      throws IOException {
    if (parser.currentToken().isScalarValue()) {
      values.add(prefix + parser.getText());
      return true;
    }
    parser.skipChildren();
    return false;
  }
}
