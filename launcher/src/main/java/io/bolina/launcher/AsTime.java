package io.bolina.launcher;

import io.bolina.controlplane.config.Settings;
import java.time.Duration;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code 500ms}, {@code 30s}, {@code 10m} or {@code 1h}. */
public final class AsTime implements ITypeConverter<Duration> {
  @Override
  public Duration convert(String text) {
    try {
      return Settings.time(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}
