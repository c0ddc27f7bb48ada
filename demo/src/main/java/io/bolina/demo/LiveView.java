package io.bolina.demo;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** A terminal: the steps scroll, the table stays below it and changes in place. */
public final class LiveView implements DemoView {
  private static final String BOLD = "\u001b[1m";
  private static final String RED = "\u001b[31m";
  private static final String GREEN = "\u001b[32m";
  private static final String YELLOW = "\u001b[33m";
  private static final String PLAIN = "\u001b[0m";
  private static final String ERASE_BELOW = "\u001b[J";
  private static final int WIDTH = terminalWidth();

  private final PrintWriter out;
  private int drawn;
  private DemoFrame last;

  public LiveView(PrintWriter out) {
    this.out = out;
  }

  @Override
  public synchronized void say(String line) {
    write(erased() + line + "\n" + drawing());
  }

  @Override
  public synchronized void show(DemoFrame frame) {
    last = frame;
    write(erased() + drawing());
  }

  @Override
  public synchronized void end() {
    last = null;
    write(erased());
  }

  /** In one piece, or the terminal flickers. */
  private void write(String text) {
    out.print(text);
    out.flush();
  }

  private String erased() {
    String text = drawn == 0 ? "" : "\u001b[" + drawn + "A\r" + ERASE_BELOW;
    drawn = 0;
    return text;
  }

  private String drawing() {
    if (last == null) {
      return "";
    }
    List<String> lines = new ArrayList<>();
    lines.add("");
    last.status().forEach(status -> lines.add(cut(status)));
    List<String> table = last.table(WIDTH);
    lines.add(BOLD + table.get(0) + PLAIN);
    for (int i = 1; i < table.size(); i++) {
      lines.add(colour(last.servers().get(i - 1)) + table.get(i) + PLAIN);
    }
    drawn = lines.size();
    return String.join("\n", lines) + "\n";
  }

  private static String colour(DemoFrame.Row row) {
    if (!row.status().equals("open")) {
      return RED;
    }
    return row.health().equals("passing") && row.weight() == 100 ? GREEN : YELLOW;
  }

  private static String cut(String line) {
    return line.length() > WIDTH ? line.substring(0, WIDTH - 1) + "…" : line;
  }

  /** The launcher script asks the terminal; a line that wraps could not be erased. */
  private static int terminalWidth() {
    return Math.max(40, Integer.getInteger("bolina.terminal.width", 80));
  }
}
