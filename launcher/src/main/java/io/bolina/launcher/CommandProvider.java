package io.bolina.launcher;

/**
 * Adds a command from another jar on the class path, found by {@link java.util.ServiceLoader}: the
 * demo and the stand-in server are not in the shipped jar.
 */
public interface CommandProvider {
  /** A picocli command. */
  Object command();
}
