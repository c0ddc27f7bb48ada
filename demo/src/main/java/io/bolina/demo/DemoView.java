package io.bolina.demo;

/** Where the demo prints. */
public interface DemoView {
  /** A line about the current step. */
  void say(String line);

  /** The current state; called several times a second. */
  void show(DemoFrame frame);

  /** The last call. */
  void end();
}
