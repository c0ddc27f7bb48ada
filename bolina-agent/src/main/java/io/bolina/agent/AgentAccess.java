package io.bolina.agent;

import io.bolina.runtime.http.AccessToken;
import io.bolina.runtime.http.PageAccess;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Who may report to an agent and drain its server.
 *
 * @param socket a Unix socket beside the address, for the agent's user and group
 * @param tokenFile tokens, of which one must be shown over TCP; without it, whoever reaches the
 *     address may
 * @param names by which it is asked beside the addresses
 */
public record AgentAccess(Optional<Path> socket, Optional<Path> tokenFile, List<String> names) {
  public static final Setting<Path> SOCKET =
      Setting.of("listen-socket", SettingType.path("FILE"))
          .help(
              "A Unix socket that has the same pages as the listen address, mode 0660: for the agent's user and group, and for no browser. At most 103 bytes.");

  public static final Setting<Path> TOKEN_FILE =
      Setting.of("listen-token-file", AccessToken.FILE)
          .help(
              "File with access tokens, one a line, of 16 characters at least. Over TCP one of them must then be shown (Authorization: Bearer TOKEN) for all but probes and metrics; over the socket none. Read again when it changes.");

  public static final Setting<String> NAME =
      Setting.of("listen-name", SettingType.text("NAME"))
          .repeatable()
          .help(
              "A further name by which the agent is asked (the Host header), beside localhost and its addresses: others are refused, as a browser that was led astray. Repeatable.");

  /** What servers say that were written after the example in docs/agent.md. */
  private static final String IN_EXAMPLES = "agent";

  /** No socket, no token, no further name. */
  public static final AgentAccess DEFAULTS =
      new AgentAccess(Optional.empty(), Optional.empty(), List.of());

  static AgentAccess of(SettingSource source) {
    return new AgentAccess(source.find(SOCKET), source.find(TOKEN_FILE), source.all(NAME));
  }

  PageAccess on(String listenHost) {
    List<String> all = new ArrayList<>(names);
    all.add(listenHost);
    all.add(IN_EXAMPLES);
    return PageAccess.ofAddress(all, tokenFile.map(AccessToken::new));
  }
}
