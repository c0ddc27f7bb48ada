package io.bolina.launcher.demo;

/** What the audience sees. */
public interface View {
  /** A line of the story. */
  void say(String line);

  /** How things stand now; called several times a second. */
  void show(Scene scene);

  /** The last call. */
  void end();
}
