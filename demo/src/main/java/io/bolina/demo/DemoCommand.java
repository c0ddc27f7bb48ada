package io.bolina.demo;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.FileAppender;
import io.bolina.launcher.CommandProvider;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.Signals;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code bolina demo}: the main job in one command. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Plays the main job on a real Envoy: clients come, servers fall ill, are overloaded, vanish and drain, the",
      "registry fails, the control plane restarts. Ends with a verdict in figures.",
      "",
      "Uses 'envoy' from PATH, else installs it into ~/.cache/bolina. Needs no Consul and no Kubernetes; everything",
      "is on loopback and ends with the demo.",
      ""
    },
    footer = {"", "Exit status: 0 every promise was kept, 1 one was broken or the demo failed."})
public final class DemoCommand implements Callable<Integer> {
  @Option(
      names = "--consul",
      paramLabel = "URL",
      description =
          "Use this Consul instead of a registry in memory, under the service name 'bolina-demo'.")
  private URI consul;

  @Option(
      names = "--keep-running",
      description = "When the story is over, leave everything running until Ctrl-C.")
  private boolean keepRunning;

  @Option(
      names = "--clients",
      paramLabel = "N",
      defaultValue = "200",
      description =
          "How many clients there are at the start, 10 to 5000. Default: ${DEFAULT-VALUE}.")
  private int clients;

  @Option(
      names = "--plain",
      description = "Plain lines instead of the live table, as when the output is not a terminal.")
  private boolean plain;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws Exception {
    if (clients < 10 || clients > 5000) {
      throw new ParameterException(spec.commandLine(), "--clients is not between 10 and 5000");
    }
    Path directory = Files.createTempDirectory("bolina-demo-");
    Path log = directory.resolve("demo.log");
    logTo(log);
    var out = spec.commandLine().getOut();
    boolean terminal = Boolean.getBoolean("bolina.terminal") && !plain;
    DemoView view = terminal ? new LiveView(out) : new PlainView(out);
    Signals.onStop(Thread.currentThread()::interrupt);
    try (Demo demo = new Demo(Optional.ofNullable(consul), clients, directory, view)) {
      boolean kept = demo.play();
      if (keepRunning) {
        demo.keepRunning();
      }
      return kept ? ExitStatus.OK : ExitStatus.FAILED;
    } catch (InterruptedException e) {
      view.say("Interrupted: everything is being stopped.");
      return ExitStatus.FAILED;
    } finally {
      view.end();
      out.flush();
    }
  }

  /** The story belongs on the terminal, the control plane's log in a file. */
  private static void logTo(Path file) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern("%d{HH:mm:ss.SSS} %-5level %logger{0} - %msg%n%ex{short}");
    encoder.start();
    FileAppender<ILoggingEvent> appender = new FileAppender<>();
    appender.setContext(context);
    appender.setEncoder(encoder);
    appender.setFile(file.toString());
    appender.start();
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.detachAndStopAllAppenders();
    root.addAppender(appender);
  }

  /** Adds it to the command line. */
  public static final class Provider implements CommandProvider {
    @Override
    public Object command() {
      return new DemoCommand();
    }
  }
}
