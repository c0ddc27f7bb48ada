package io.bolina.runtime.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.FileAppender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.logging.LogManager;
import net.logstash.logback.composite.loggingevent.LogLevelJsonProvider;
import net.logstash.logback.composite.loggingevent.LoggerNameJsonProvider;
import net.logstash.logback.composite.loggingevent.LoggingEventFormattedTimestampJsonProvider;
import net.logstash.logback.composite.loggingevent.LoggingEventJsonProviders;
import net.logstash.logback.composite.loggingevent.MessageJsonProvider;
import net.logstash.logback.composite.loggingevent.StackTraceJsonProvider;
import net.logstash.logback.encoder.LoggingEventCompositeJsonEncoder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/** Where log lines go, and what they look like. One line is a phrase and {@code key=value}. */
public final class Logging {
  private static final String TEXT =
      "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{0} - %msg%logfmt%n%failure";

  /** Libraries that log what Bolina says itself, counted and in moderation. */
  private static final Map<String, Level> QUIETER =
      Map.of(
          "com.orbitz.consul", Level.ERROR,
          "org.eclipse.jetty", Level.WARN,
          // A stack trace for each stream that its peer has reset at an odd moment.
          "io.grpc.netty.shaded.io.grpc.netty.NettyServerHandler", Level.ERROR,
          // A stack trace a second while the API cannot be reached.
          "io.fabric8.kubernetes.client.extended.leaderelection", Level.OFF);

  /** How much is logged; for a command that runs on. */
  public static final Setting<Level> LEVEL =
      Setting.of("log-level", SettingType.choice("LEVEL", LogLevel.class).map(LogLevel::level))
          .standard("info")
          .help(
              "Log lines of this level and above: info has transitions, debug each query and stream.");

  /** What lines look like. */
  public static final Setting<Format> FORMAT =
      Setting.of("log-format", SettingType.choice("FORMAT", Format.class))
          .standard("text")
          .help(
              "Log lines as text (a phrase and key=value), or as one JSON object each for collectors.");

  /** Both. */
  public static final List<Setting<?>> SETTINGS = List.of(LEVEL, FORMAT);

  private enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG,
    TRACE;

    Level level() {
      return Level.toLevel(name());
    }
  }

  /** What a line looks like. */
  public enum Format {
    /** A phrase and {@code key=value}, for people. */
    TEXT,
    /** One JSON object a line, for collectors. */
    JSON
  }

  private Logging() {}

  /** To standard error, for commands that run on. */
  public static void toStandardError(Level level, Format format) {
    ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
    appender.setTarget("System.err");
    install(appender, level, format);
  }

  /** To a file, where the terminal is for something else. */
  public static void toFile(Path file, Level level) {
    FileAppender<ILoggingEvent> appender = new FileAppender<>();
    appender.setFile(file.toString());
    install(appender, level, Format.TEXT);
  }

  private static void install(
      OutputStreamAppender<ILoggingEvent> appender, Level level, Format format) {
    LogManager.getLogManager().reset();
    SLF4JBridgeHandler.install();
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    appender.setContext(context);
    appender.setEncoder(encoder(context, format));
    LibraryLines libraries = new LibraryLines();
    libraries.start();
    appender.addFilter(libraries);
    appender.start();
    context.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(appender);
    context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.WARN);
    context.getLogger("io.bolina").setLevel(level);
    QUIETER.forEach((name, quiet) -> context.getLogger(name).setLevel(quiet));
  }

  private static Encoder<ILoggingEvent> encoder(LoggerContext context, Format format) {
    if (format == Format.JSON) {
      LoggingEventFormattedTimestampJsonProvider time =
          new LoggingEventFormattedTimestampJsonProvider();
      time.setFieldName("time");
      StackTraceJsonProvider stackTrace = new StackTraceJsonProvider();
      stackTrace.setFieldName("stackTrace");
      LoggerNameJsonProvider logger = new LoggerNameJsonProvider();
      logger.setFieldName("logger");
      LoggingEventJsonProviders providers = new LoggingEventJsonProviders();
      providers.addTimestamp(time);
      providers.addLogLevel(new LogLevelJsonProvider());
      providers.addLoggerName(logger);
      providers.addMessage(new MessageJsonProvider());
      providers.addProvider(new PlainValuesJsonProvider());
      providers.addStackTrace(stackTrace);
      LoggingEventCompositeJsonEncoder json = new LoggingEventCompositeJsonEncoder();
      json.setContext(context);
      json.setProviders(providers);
      json.start();
      return json;
    }
    PatternLayout layout = new PatternLayout();
    layout.setContext(context);
    layout.setPattern(TEXT);
    layout.getInstanceConverterMap().put("logfmt", LogfmtConverter::new);
    layout.getInstanceConverterMap().put("failure", FailureConverter::new);
    layout.start();
    LayoutWrappingEncoder<ILoggingEvent> text = new LayoutWrappingEncoder<>();
    text.setContext(context);
    text.setLayout(layout);
    text.start();
    return text;
  }
}
