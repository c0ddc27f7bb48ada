package io.bolina.launcher;

import java.util.List;

/**
 * Adds commands from another jar on the class path, found by {@link java.util.ServiceLoader}: the
 * demo and the stand-in server are not in the shipped jar.
 */
public interface CommandProvider {
  /** picocli commands. */
  List<Object> commands();
}
