package io.bolina.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.controlplane.gate.QuicLbCodec;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;

/** {@code bolina token decode}: which server a connection id or a token names. */
@Command(
    name = "decode",
    description = {
      "Prints what a QUIC connection id or a token says, and with --servers-of whose it is.",
      ""
    },
    footer = {
      "",
      "Exit status: 0 it names a server (or --servers-of is not given), 1 it names none or several.",
      "",
      "Example:",
      "  bolina token decode --connection-id 0c3e499e752620c6a903487d97 \\",
      "                      --servers-of http://127.0.0.1:18080"
    })
final class TokenDecodeCommand extends ConfiguredCommand<TokenDecodeCommand.Decoding> {
  private static final HexFormat HEX = HexFormat.of();
  private static final JsonMapper JSON = new JsonMapper();

  private static final Setting<String> CONNECTION_ID =
      Setting.of("connection-id", QuicLbOptions.hex())
          .help("The connection id, its first byte included.");

  private static final Setting<URI> SERVERS_OF =
      Setting.of("servers-of", SettingType.url("http://127.0.0.1:18080"))
          .help(
              "The admin address of a control plane: look for the server among those of its /fleet.");

  /**
   * What is to be printed.
   *
   * @param token in hexadecimal
   * @param content what else a connection id says
   */
  record Decoding(
      String token,
      Optional<QuicLbCodec.Content> content,
      boolean encrypted,
      Optional<URI> serversOf,
      Optional<Path> accessTokenFile) {}

  @Override
  public List<Setting<?>> settings() {
    return Setting.concat(
        List.of(CONNECTION_ID, QuicLbOptions.SERVER_TOKEN),
        QuicLbOptions.ALL,
        List.<Setting<?>>of(SERVERS_OF, AdminClient.TOKEN_FILE));
  }

  @Override
  protected Decoding configure(SettingValues values) {
    if (values.find(CONNECTION_ID).isPresent()
        == values.find(QuicLbOptions.SERVER_TOKEN).isPresent()) {
      throw new IllegalArgumentException("one of connection-id and server-token is needed");
    }
    Optional<QuicLbCodec.Content> content =
        values.find(CONNECTION_ID).map(HEX::parseHex).map(QuicLbOptions.codec(values)::decode);
    String token =
        content
            .map(QuicLbCodec.Content::serverId)
            .or(() -> values.find(QuicLbOptions.SERVER_TOKEN))
            .get();
    return new Decoding(
        token,
        content,
        values.find(QuicLbOptions.KEY_FILE).isPresent(),
        values.find(SERVERS_OF),
        values.find(AdminClient.TOKEN_FILE));
  }

  @Override
  protected int run(Decoding decoding) throws IOException, InterruptedException {
    decoding
        .content()
        .ifPresentOrElse(
            content -> print(content, decoding.encrypted()),
            () -> out().println("token      " + decoding.token()));
    int status = ExitStatus.OK;
    if (decoding.serversOf().isPresent()) {
      AdminClient controlPlane =
          new AdminClient("control plane", decoding.serversOf().get(), "--servers-of")
              .withToken(decoding.accessTokenFile());
      List<String> servers = servers(controlPlane, decoding.token());
      servers.forEach(server -> out().println("server     " + server));
      if (servers.size() != 1) {
        out()
            .println(
                servers.isEmpty()
                    ? "No server has this token: such datagrams go by the hash of the client's address."
                    : "Several servers share this token, so it is nobody's: such datagrams go by the hash of the client's address.");
        status = ExitStatus.FAILED;
      }
    }
    out().flush();
    return status;
  }

  private void print(QuicLbCodec.Content content, boolean encrypted) {
    out()
        .println(
            "codepoint  "
                + content.codepoint()
                + (content.codepoint() == 7 ? " (names no server)" : "")
                + (encrypted ? ", encrypted" : ""));
    out().println("server id  " + content.serverId());
    out().println("nonce      " + content.nonce());
  }

  private static List<String> servers(AdminClient controlPlane, String token)
      throws IOException, InterruptedException {
    AdminAnswer answer = controlPlane.ask("GET", "/fleet", "");
    if (answer.statusCode() != 200) {
      throw new IOException(
          "/fleet of "
              + controlPlane.at()
              + " answers with status "
              + answer.statusCode()
              + ": "
              + answer.body().strip());
    }
    List<String> found = new ArrayList<>();
    for (JsonNode service : JSON.readTree(answer.body()).path("services")) {
      for (JsonNode server : service.path("servers")) {
        if (server.path("token").asText().startsWith(token)) {
          found.add(
              service.path("service").asText()
                  + "/"
                  + server.path("id").asText()
                  + " at "
                  + server.path("address").asText()
                  + ", "
                  + server.path("status").asText()
                  + ": "
                  + server.path("reason").asText());
        }
      }
    }
    return found;
  }
}
