package io.bolina.demo;

import io.bolina.launcher.CommandProvider;
import java.util.List;

/** Adds {@code bolina demo} and {@code bolina server} to the command line. */
public final class DemoCommands implements CommandProvider {
  @Override
  public List<Object> commands() {
    return List.of(new DemoCommand(), new ServerCommand());
  }
}
