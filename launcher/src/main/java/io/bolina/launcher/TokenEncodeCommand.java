package io.bolina.launcher;

import io.bolina.controlplane.gate.QuicLbCodec;
import io.bolina.registry.ServerToken;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code bolina token encode}: the token of a server, and a connection id that names it. */
@Command(
    name = "encode",
    description = {"Prints the token of a server, and a QUIC connection id that names it.", ""},
    footer = {
      "",
      "Example:",
      "  bolina token encode --server b-1 --server-id-length 8 --nonce-length 4"
    })
final class TokenEncodeCommand extends ConfiguredCommand<TokenEncodeCommand.Encoding> {
  private static final HexFormat HEX = HexFormat.of();

  private static final Setting<String> SERVER =
      Setting.of("server", SettingType.text("ID"))
          .help("The server's id in Consul, if its metadata has no bolina-token.");

  private static final Setting<Integer> CODEPOINT =
      Setting.of("codepoint", SettingType.whole("N", 0, 6))
          .standard("0")
          .help("The id's upper three bits.");

  private static final Setting<String> NONCE =
      Setting.of("nonce", QuicLbOptions.hex()).help("The nonce; if not given, random.");

  /** What is to be printed. */
  record Encoding(String token, QuicLbCodec codec, QuicLbCodec.Content content) {}

  @Override
  public List<Setting<?>> settings() {
    return Setting.concat(
        List.of(SERVER, QuicLbOptions.SERVER_TOKEN, CODEPOINT),
        QuicLbOptions.ALL,
        List.<Setting<?>>of(NONCE));
  }

  @Override
  protected Encoding configure(SettingValues values) {
    List<String> tokens = new ArrayList<>();
    values.find(SERVER).map(ServerToken::derivedFrom).ifPresent(tokens::add);
    values.find(QuicLbOptions.SERVER_TOKEN).ifPresent(tokens::add);
    if (tokens.size() != 1) {
      throw new IllegalArgumentException("one of server and server-token is needed");
    }
    String token = tokens.get(0);
    int length = values.get(QuicLbOptions.SERVER_ID_LENGTH);
    if (token.length() < 2 * length) {
      throw new IllegalArgumentException(
          "server-token: has "
              + token.length() / 2
              + " bytes, fewer than server-id-length: "
              + length);
    }
    String serverId = token.substring(0, 2 * length);
    String nonce = values.find(NONCE).orElseGet(() -> random(values));
    QuicLbCodec codec = QuicLbOptions.codec(values);
    QuicLbCodec.Content content = new QuicLbCodec.Content(values.get(CODEPOINT), serverId, nonce);
    codec.encode(content); // so that what is wrong is said with everything else
    return new Encoding(token, codec, content);
  }

  private static String random(SettingValues values) {
    byte[] nonce = new byte[values.get(QuicLbOptions.NONCE_LENGTH)];
    new SecureRandom().nextBytes(nonce);
    return HEX.formatHex(nonce);
  }

  @Override
  protected int run(Encoding encoding) {
    QuicLbCodec.Content content = encoding.content();
    out().println("token          " + encoding.token());
    out().println("server id      " + content.serverId());
    out().println("nonce          " + content.nonce());
    out().println("connection id  " + HEX.formatHex(encoding.codec().encode(content)));
    out().flush();
    return ExitStatus.OK;
  }
}
