package io.bolina.demo;

import java.io.PrintWriter;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/** Lines, for a log or a pipe: the steps, and the table at the end of each. */
public final class PlainView implements DemoView {
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss");
  private static final int WIDTH = 140;

  private final PrintWriter out;
  private DemoFrame last;

  public PlainView(PrintWriter out) {
    this.out = out;
  }

  @Override
  public synchronized void say(String line) {
    if (line.isEmpty() && last != null) {
      last.status().forEach(status -> out.println("           " + status));
      last.table(WIDTH).forEach(row -> out.println("           " + row));
      last = null;
    }
    out.println(
        line.isEmpty() ? "" : LocalTime.now(ZoneId.systemDefault()).format(TIME) + "   " + line);
    out.flush();
  }

  @Override
  public synchronized void show(DemoFrame frame) {
    last = frame;
  }

  @Override
  public void end() {
    out.flush();
  }
}
