package io.bolina.benchmarks;

import io.bolina.sandbox.ServerWithAgent;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;

/** What becomes of a server, made on the real processes. */
enum ServerFault {
  KILLED("process killed") {
    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      victim.server().child().kill();
    }
  },
  KILLED_WITH_AGENT("process and agent killed together") {
    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      victim.agent().child().kill();
      victim.server().child().kill();
    }
  },
  RESTARTED_AT_ONCE("restarted on the same port, at once") {
    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      victim.server().child().kill();
    }

    @Override
    void after(ServerWithAgent victim, long from, long end) throws IOException {
      victim.startServer();
    }
  },
  RESTARTED_1S("restarted on the same port, after 1 s") {
    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      victim.server().child().kill();
    }

    @Override
    void after(ServerWithAgent victim, long from, long end)
        throws IOException, InterruptedException {
      sleepUntil(from, 1_000);
      victim.startServer();
    }
  },
  RESTARTED_3S("restarted on the same port, after 3 s") {
    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      victim.server().child().kill();
    }

    @Override
    void after(ServerWithAgent victim, long from, long end)
        throws IOException, InterruptedException {
      sleepUntil(from, 3_000);
      victim.startServer();
    }
  },
  OTHER_PORT("server and agent killed, started on another port") {
    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      victim.agent().child().kill();
      victim.server().child().kill();
    }

    @Override
    void after(ServerWithAgent victim, long from, long end) throws IOException {
      victim.changePort();
      victim.start();
    }

    @Override
    void undo(ServerWithAgent victim, int port, RealConsul far)
        throws IOException, InterruptedException {
      victim.agent().child().kill();
      victim.server().child().kill();
      victim.changePort(port);
      victim.start();
      victim.awaitAnswering();
    }
  },
  DRAINED("drain over with sessions left, then ended") {
    @Override
    void make(ServerWithAgent victim, RealConsul far) throws IOException, InterruptedException {
      victim.drain();
      victim.agent().child().awaitEnd(Waiting.LONG);
      victim.server().child().kill();
    }
  },
  STOPPED("stopped in good order (SIGTERM)") {
    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      victim.server().child().terminate();
    }
  },
  CRITICAL("critical by its own word, alive") {
    @Override
    boolean serverLives() {
      return true;
    }

    @Override
    void make(ServerWithAgent victim, RealConsul far) throws IOException, InterruptedException {
      victim.report("critical", 0.5, 10);
    }

    @Override
    void after(ServerWithAgent victim, long from, long end)
        throws IOException, InterruptedException {
      while (System.nanoTime() < end) {
        victim.report("critical", 0.5, 10);
        Thread.sleep(1_000);
      }
    }

    @Override
    void undo(ServerWithAgent victim, int port, RealConsul far)
        throws IOException, InterruptedException {
      victim.agent().child().kill(); // or it waits for the next report, instead of probing
      super.undo(victim, port, far);
    }
  },
  HUNG("hung (SIGSTOP) for half of the time, then goes on") {
    @Override
    boolean serverLives() {
      return true;
    }

    @Override
    void make(ServerWithAgent victim, RealConsul far) throws IOException {
      victim.server().child().signal("STOP");
    }

    @Override
    void after(ServerWithAgent victim, long from, long end)
        throws IOException, InterruptedException {
      sleepUntil(from, (end - from) / 2_000_000);
      victim.server().child().signal("CONT");
    }
  },
  AGENT_KILLED("agent killed, server alive") {
    @Override
    boolean serverLives() {
      return true;
    }

    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      victim.agent().child().kill();
    }
  },
  MACHINE_LOST("machine lost: server, agent and Consul agent") {
    @Override
    boolean ofMachine() {
      return true;
    }

    @Override
    void make(ServerWithAgent victim, RealConsul far) {
      far.kill();
      victim.agent().child().kill();
      victim.server().child().kill();
    }

    @Override
    void undo(ServerWithAgent victim, int port, RealConsul far)
        throws IOException, InterruptedException {
      far.start();
      super.undo(victim, port, far);
    }
  };

  private final String title;

  ServerFault(String title) {
    this.title = title;
  }

  String title() {
    return title;
  }

  /** Whether it takes the server that is on a machine of its own. */
  boolean ofMachine() {
    return false;
  }

  /** Whether the process goes on, so that nobody may be moved. */
  boolean serverLives() {
    return false;
  }

  /**
   * Makes it.
   *
   * @return when, by {@link System#nanoTime}; a drain begins to count when it is over
   */
  long strike(ServerWithAgent victim, RealConsul far) throws IOException, InterruptedException {
    long before = System.nanoTime();
    make(victim, far);
    return this == DRAINED ? System.nanoTime() : before;
  }

  abstract void make(ServerWithAgent victim, RealConsul far)
      throws IOException, InterruptedException;

  /** What comes of it by itself, such as a restart. */
  void after(ServerWithAgent victim, long from, long end)
      throws IOException, InterruptedException {}

  /** Lets the server be as it was. */
  void undo(ServerWithAgent victim, int port, RealConsul far)
      throws IOException, InterruptedException {
    if (!victim.server().child().isAlive()) {
      victim.startServer();
    }
    if (!victim.agent().child().isAlive()) {
      victim.startAgent();
    }
    victim.awaitAnswering();
  }

  private static void sleepUntil(long from, long millis) throws InterruptedException {
    long rest = from + millis * 1_000_000 - System.nanoTime();
    if (rest > 0) {
      Thread.sleep(rest / 1_000_000);
    }
  }
}
