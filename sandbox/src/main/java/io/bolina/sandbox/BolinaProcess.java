package io.bolina.sandbox;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.Child;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Bolina itself as an operator runs it: {@code ./bolina} and a command, as a child process. */
public final class BolinaProcess implements AutoCloseable {
  private final Child child;
  private final List<String> arguments;

  private BolinaProcess(Child child, List<String> arguments) {
    this.child = child;
    this.arguments = arguments;
  }

  /**
   * Starts it.
   *
   * @param log where its output is appended
   */
  public static BolinaProcess start(Path log, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Installation.home().resolve("bolina").toString());
    command.addAll(Arrays.asList(arguments));
    return new BolinaProcess(
        Child.start("bolina " + arguments[0], command, Map.of(), log), List.of(arguments));
  }

  /** The admin pages of a control plane that was started with {@code --admin}. */
  public AdminPages admin() {
    return new AdminPages(HostPort.parse(arguments.get(arguments.indexOf("--admin") + 1)));
  }

  public Child child() {
    return child;
  }

  @Override
  public void close() {
    child.close();
  }
}
