package io.bolina.launcher;

import io.bolina.watcher.planning.Rate;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a rate such as {@code 4/1m} or {@code 4,100%/1m}. */
final class AsRate implements ITypeConverter<Rate> {
  private static final Pattern RATE = Pattern.compile("(\\d{1,6})(?:,(\\d{1,6})%)?/(.+)");

  @Override
  public Rate convert(String text) throws Exception {
    Matcher rate = RATE.matcher(text);
    if (!rate.matches()) {
      throw new TypeConversionException(
          "'" + text + "' is not PODS/TIME or PODS,PERCENT%/TIME such as 4,100%/1m");
    }
    Duration period = new AsTime().convert(rate.group(3));
    int percent = rate.group(2) == null ? 0 : Integer.parseInt(rate.group(2));
    try {
      return new Rate(Integer.parseInt(rate.group(1)), percent, period);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException("'" + text + "': " + e.getMessage());
    }
  }
}
