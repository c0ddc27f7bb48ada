package io.bolina.runtime.log;

import ch.qos.logback.classic.pattern.ThrowableProxyConverter;
import ch.qos.logback.classic.spi.IThrowableProxy;
import io.bolina.runtime.Printable;
import java.util.List;
import java.util.stream.Collectors;

/**
 * {@code %failure}: what went wrong, and where, a line each. A failure's message may have what a
 * peer sent, and is one line all the same.
 */
public final class FailureConverter extends ThrowableProxyConverter {
  @Override
  public void start() {
    setOptionList(List.of("short"));
    super.start();
  }

  @Override
  protected String throwableProxyToString(IThrowableProxy failure) {
    return super.throwableProxyToString(failure)
        .lines()
        .map(Printable::text)
        .collect(Collectors.joining(System.lineSeparator(), "", System.lineSeparator()));
  }
}
