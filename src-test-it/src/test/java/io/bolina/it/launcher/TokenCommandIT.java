package io.bolina.it.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.ControlPlane;
import io.bolina.it.Patience;
import io.bolina.registry.ServerToken;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.FreePort;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bolina token}, and how a server comes by its token, as their users meet them. */
class TokenCommandIT {
  @TempDir private Path directory;

  private static Command.Ended run(String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(List.of(Installation.home().resolve("bolina").toString(), "token"));
    command.addAll(Arrays.asList(arguments));
    return Command.of(command).errorsApart().end();
  }

  private static String said(String what, Command.Ended by) {
    Matcher line = Pattern.compile("(?m)^" + what + " {2,}(.*)$").matcher(by.out());
    assertThat(line.find()).as(by.out() + by.err()).isTrue();
    return line.group(1);
  }

  @Test
  void a_connection_id_that_is_made_is_read_again_and_leads_to_its_server() throws Exception {
    Path key = Files.writeString(directory.resolve("key"), "8f95f09245765f80256934e50c66207f\n");
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1", "b-2");
      ControlPlane plane = sandbox.controlPlane("cp");
      String url = "http://" + plane.admin();
      for (String nonce : List.of("4", "8")) {
        Command.Ended encoded =
            run("encode", "--server", "b-2", "--nonce-length", nonce, "--key-file", key + "");
        String id = said("connection id", encoded);
        assertThat(id).doesNotContain(ServerToken.derivedFrom("b-2").substring(0, 16));
        Command.Ended decoded =
            run(
                "decode",
                "--connection-id=" + id,
                "--nonce-length=" + nonce,
                "--key-file=" + key,
                "--servers-of=" + url);
        assertThat(decoded.status()).as(decoded.out()).isZero();
        assertThat(said("server", decoded)).startsWith("bolina/b-2 at ").contains(", open");
        assertThat(said("nonce", decoded)).isEqualTo(said("nonce", encoded));
      }
      Command.Ended nobody = run("decode", "--server-token=cafe0001", "--servers-of=" + url);
      assertThat(nobody.status()).isEqualTo(1);
      assertThat(nobody.out()).contains("No server has this token");
    }
  }

  @Test
  void what_is_wrong_is_said_with_its_setting() throws Exception {
    assertThat(run().err()).contains("a command is missing: encode or decode");
    assertThat(run("encode").err()).contains("one of server and server-token is needed");
    assertThat(run("encode", "--server=b-1", "--nonce=01").err())
        .contains("the nonce has not 4 bytes");
    assertThat(run("decode", "--connection-id=00ff").err())
        .contains("the connection id has 2 bytes; with these lengths it has 13");
    Path key = Files.writeString(directory.resolve("key"), "short");
    assertThat(run("encode", "--server=b-1", "--key-file=" + key).err())
        .contains("has neither 16 bytes nor 32 hexadecimal digits");
    assertThat(run("encode", "--server=b-1", "--nonce-length=3").err())
        .contains("nonce-length is not 4 to 11");
  }

  @Test
  void a_server_has_its_token_from_its_agent_at_start_and_with_each_report() throws Exception {
    Path file = directory.resolve("token");
    InetSocketAddress at = new HostPort("127.0.0.1", FreePort.udp()).socketAddress();
    String port = Integer.toString(at.getPort());
    String listen = "127.0.0.1:" + FreePort.tcp();
    try (Sandbox sandbox = new Sandbox();
        BolinaProcess agent =
            BolinaProcess.start(
                directory.resolve("agent.log"),
                ("agent --service bolina --id b-1 --address 127.0.0.1 --meta bolina-token=CAFE0001"
                        + " --consul "
                        + sandbox.consul().url()
                        + " --port "
                        + port
                        + " --listen "
                        + listen
                        + " --token-file "
                        + file)
                    .split(" "));
        BolinaProcess server =
            BolinaProcess.start(
                directory.resolve("server.log"),
                "server",
                "--id=b-1",
                "--port=" + port,
                "--report=http://" + listen)) {
      assertThat(server.child().pid()).isNotEqualTo(agent.child().pid());
      await().atMost(Patience.LONG).until(() -> Files.exists(file));
      assertThat(file).hasContent("BOLINA_TOKEN=cafe0001\n");
      await().atMost(Patience.LONG).until(() -> ask(at).endsWith(" token=cafe0001"));
    }
    Command.Ended invalid =
        Command.of(
                Installation.home().resolve("bolina").toString(),
                "agent",
                "--check",
                "--service=bolina",
                "--id=b-1",
                "--address=127.0.0.1",
                "--port=7001",
                "--meta=bolina-token=00")
            .errorsApart()
            .end();
    assertThat(invalid.err()).contains("bolina-token '00' is not 1 to 16 bytes in hexadecimal");
  }

  /** As with {@code echo token? | nc -u -w1}. */
  private static String ask(InetSocketAddress server) throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      byte[] text = "token?\n".getBytes(StandardCharsets.UTF_8);
      socket.setSoTimeout(500);
      socket.send(new DatagramPacket(text, text.length, server));
      DatagramPacket answer = new DatagramPacket(new byte[500], 500);
      socket.receive(answer);
      return new String(answer.getData(), 0, answer.getLength(), StandardCharsets.UTF_8).strip();
    } catch (SocketTimeoutException e) {
      return "";
    }
  }
}
