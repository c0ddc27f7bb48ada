package io.bolina.runtime.setting;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The declaration of one setting: {@code --key} on the command line, {@code key} in a YAML file,
 * {@code BOLINA_KEY} in the environment.
 *
 * @param <T> what a value is
 */
public final class Setting<T> {
  private final String key;
  private final SettingType<T> type;
  private final Optional<String> standard;
  private final List<T> standardValue;
  private final String standardInWords;
  private final boolean required;
  private final boolean repeatable;
  private final boolean secret;
  private final List<String> environment;
  private final String help;

  private Setting(Builder<T> builder) {
    this.key = builder.key;
    this.type = builder.type;
    this.standard = Optional.ofNullable(builder.standard);
    this.standardInWords = builder.standardInWords;
    this.required = builder.required;
    this.repeatable = builder.repeatable;
    this.secret = builder.secret;
    List<String> names = new ArrayList<>();
    names.add("BOLINA_" + key.toUpperCase(Locale.ROOT).replace('-', '_'));
    names.addAll(builder.environment);
    this.environment = List.copyOf(names);
    this.help = builder.help;
    this.standardValue = standard.map(text -> List.of(type.parse(text))).orElse(List.of());
  }

  /** Several lists as one, in this order. */
  @SafeVarargs
  public static List<Setting<?>> concat(List<Setting<?>>... lists) {
    List<Setting<?>> all = new ArrayList<>();
    for (List<Setting<?>> list : lists) {
      all.addAll(list);
    }
    return List.copyOf(all);
  }

  /** Begins a declaration. */
  public static <T> Builder<T> of(String key, SettingType<T> type) {
    return new Builder<>(key, type);
  }

  /** Its name in every place, in lower case with dashes. */
  public String key() {
    return key;
  }

  public SettingType<T> type() {
    return type;
  }

  /** Its default as it would be written; empty if there is none. */
  public Optional<String> standard() {
    return standard;
  }

  /** Its default as a value: one or none. */
  List<T> standardValue() {
    return standardValue;
  }

  /** Its default for people: what is written, or where it comes from; empty if there is none. */
  public String standardInWords() {
    return standard.orElse(standardInWords);
  }

  /** Whether a command cannot run without it. */
  public boolean required() {
    return required;
  }

  /** Whether it may be given several times (a list in YAML). */
  public boolean repeatable() {
    return repeatable;
  }

  /** Whether it may only stand in the environment: others can read a command line. */
  public boolean secret() {
    return secret;
  }

  /** The environment variables that give it, the first that is set. */
  public List<String> environment() {
    return environment;
  }

  /** What it does, in one or more sentences. */
  public String help() {
    return help;
  }

  /** What it does, with its range and default. */
  public String description() {
    StringBuilder text = new StringBuilder(help);
    if (!type.range().isEmpty()) {
      text.append(" Range: ").append(type.range()).append('.');
    }
    if (required) {
      text.append(" Required.");
    }
    if (!standardInWords().isEmpty()) {
      text.append(" Default: ").append(standardInWords()).append('.');
    }
    return text.toString();
  }

  @Override
  public String toString() {
    return key;
  }

  /** A declaration under way. */
  public static final class Builder<T> {
    private final String key;
    private final SettingType<T> type;
    private final List<String> environment = new ArrayList<>();
    private String standard;
    private String standardInWords = "";
    private boolean required;
    private boolean repeatable;
    private boolean secret;
    private String help = "";

    private Builder(String key, SettingType<T> type) {
      this.key = key;
      this.type = type;
    }

    /** What holds if it is not given, as it would be written. */
    public Builder<T> standard(String value) {
      standard = value;
      return this;
    }

    /** Where the default comes from, if it is not a value. */
    public Builder<T> standardInWords(String words) {
      standardInWords = words;
      return this;
    }

    public Builder<T> required() {
      required = true;
      return this;
    }

    public Builder<T> repeatable() {
      repeatable = true;
      return this;
    }

    /** Further environment variables that give it, after {@code BOLINA_KEY}. */
    public Builder<T> environment(String... names) {
      environment.addAll(List.of(names));
      return this;
    }

    /** Only the environment gives it, by this variable. */
    public Builder<T> secret(String variable) {
      secret = true;
      environment.add(variable);
      return this;
    }

    /** Ends the declaration. */
    public Setting<T> help(String sentences) {
      help = sentences;
      return new Setting<>(this);
    }
  }
}
