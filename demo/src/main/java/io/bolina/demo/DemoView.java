package io.bolina.demo;

/** What the audience sees. */
public interface DemoView {
  /** A line of the story. */
  void say(String line);

  /** How things stand now; called several times a second. */
  void show(DemoFrame scene);

  /** The last call. */
  void end();
}
