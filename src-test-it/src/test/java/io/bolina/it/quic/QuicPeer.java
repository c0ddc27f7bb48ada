package io.bolina.it.quic;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.sandbox.process.RealPart;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A program with a real QUIC stack, as server or as many clients: quic-go's or quinn's. Their
 * sources are in src-test-it/quic.
 */
final class QuicPeer implements AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();

  /** Whose stack. */
  enum Stack {
    QUIC_GO("quic-go"),
    QUINN("quinn");

    private final String program;

    Stack(String program) {
      this.program = program;
    }
  }

  private final Process process;
  private final Writer commands;
  private final BufferedReader answers;

  private QuicPeer(Stack stack, Path log, List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(RealPart.QUIC.installed().resolveSibling(stack.program).toString());
    command.addAll(arguments);
    process =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    commands = process.outputWriter(StandardCharsets.UTF_8);
    answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** Makes a certificate and its key in a folder: {@code cert.pem} and {@code key.pem}. */
  static void certificate(Path folder) throws IOException, InterruptedException {
    try (QuicPeer made =
        new QuicPeer(
            Stack.QUIC_GO,
            folder.resolve("certificate.log"),
            List.of("certificate", "--folder", folder.toString()))) {
      if (made.process.waitFor() != 0) {
        throw new IOException("no certificate; see " + folder.resolve("certificate.log"));
      }
    }
  }

  /**
   * Starts a server, and returns when it listens.
   *
   * @param folder of the certificate
   * @param ids how it makes its connection ids
   */
  static QuicPeer server(Stack stack, Path folder, InetSocketAddress listen, String... ids)
      throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "server",
                "--listen",
                text(listen),
                "--certificate",
                folder.resolve("cert.pem").toString(),
                "--key",
                folder.resolve("key.pem").toString()));
    arguments.addAll(List.of(ids));
    QuicPeer server = new QuicPeer(stack, folder.resolve(stack + "-server.log"), arguments);
    server.line("listening");
    return server;
  }

  /** Starts clients, one connection to each address. */
  static QuicPeer clients(Stack stack, Path folder, List<InetSocketAddress> to) throws IOException {
    return new QuicPeer(
        stack,
        folder.resolve(stack + "-clients.log"),
        List.of(
            "client",
            "--connect",
            to.stream().map(QuicPeer::text).collect(Collectors.joining(",")),
            "--certificate",
            folder.resolve("cert.pem").toString()));
  }

  private static String text(InetSocketAddress address) {
    return address.getHostString() + ":" + address.getPort();
  }

  /** How the clients are. */
  synchronized JsonNode status() throws IOException {
    return JSON.readTree(ask("status", "status").substring("status ".length()));
  }

  /** Every client goes on from another port, by its own doing. */
  synchronized void rebind() throws IOException {
    ask("rebind", "rebound");
  }

  /** One more connection. */
  synchronized void connect(InetSocketAddress to) throws IOException {
    ask("connect " + text(to), "connecting");
  }

  private String ask(String command, String answer) throws IOException {
    commands.write(command + "\n");
    commands.flush();
    return line(answer);
  }

  private String line(String beginning) throws IOException {
    String line = answers.readLine();
    if (line == null || !line.startsWith(beginning)) {
      throw new IOException("'" + beginning + "' was expected, not '" + line + "'");
    }
    return line;
  }

  @Override
  public void close() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }
}
