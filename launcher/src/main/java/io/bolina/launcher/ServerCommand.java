package io.bolina.launcher;

import io.bolina.sandbox.server.StandInServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bolina server}: a stand-in Bolina Server. */
@Command(
    name = "server",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Runs a stand-in for a Bolina Server (UDP, persistent connections). It answers every datagram with its id,",
      "the number of datagrams it has had on that connection, and the datagram itself.",
      ""
    },
    footer = {
      "",
      "Example:",
      "  bolina server --port 7001 --id b-1",
      "  curl -X PUT http://127.0.0.1:8500/v1/agent/service/register \\",
      "       -d '{\"ID\":\"b-1\",\"Name\":\"bolina\",\"Address\":\"127.0.0.1\",\"Port\":7001}'"
    })
final class ServerCommand implements Callable<Integer> {
  @Option(
      names = "--id",
      paramLabel = "ID",
      required = true,
      description = "What it calls itself in its answers; best its id in Consul.")
  private String id;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      required = true,
      description = "The UDP port; 0 lets the system choose.")
  private int port;

  @Option(
      names = "--address",
      paramLabel = "IP",
      defaultValue = "127.0.0.1",
      description = "The address to listen on. Default: ${DEFAULT-VALUE}.")
  private String address;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    var out = spec.commandLine().getOut();
    CountDownLatch stopped = new CountDownLatch(1);
    try (StandInServer server = StandInServer.start(id, new InetSocketAddress(address, port))) {
      CountDownLatch stop = StopSignal.until(stopped);
      out.println(
          id
              + " listens on "
              + address
              + ":"
              + server.address().getPort()
              + " (UDP); Ctrl-C ends it");
      long last = 0;
      while (!stop.await(1, TimeUnit.SECONDS)) {
        long sessions = server.sessions();
        if (sessions != last) {
          out.println(id + ": " + sessions + (sessions == 1 ? " session" : " sessions"));
          last = sessions;
        }
      }
    } finally {
      stopped.countDown();
    }
    return Bolina.OK;
  }
}
