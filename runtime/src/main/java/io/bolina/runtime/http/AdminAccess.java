package io.bolina.runtime.http;

import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Who may read the admin pages, as it is set.
 *
 * @param names by which they are asked beside the addresses
 * @param tokenFile the tokens of those who do not ask from this host; without it they are refused
 */
public record AdminAccess(List<String> names, Optional<Path> tokenFile) {
  public static final Setting<Path> TOKEN_FILE =
      Setting.of("admin-token-file", AccessToken.FILE)
          .help(
              "File with access tokens, one a line, of 16 characters at least. What shows the fleet (/fleet, /explain) is read from other hosts only with one of them (Authorization: Bearer TOKEN); without this file, only over loopback. Read again when it changes.");

  public static final Setting<String> NAME =
      Setting.of("admin-name", SettingType.text("NAME"))
          .repeatable()
          .help(
              "A further name by which the admin pages are asked over loopback (the Host header), beside localhost and addresses: others are refused, as a browser that was led astray. Repeatable.");

  public static final List<Setting<?>> SETTINGS = List.of(TOKEN_FILE, NAME);

  /** No further name, and no token. */
  public static final AdminAccess DEFAULTS = new AdminAccess(List.of(), Optional.empty());

  /** Of their settings. */
  public static AdminAccess of(SettingSource source) {
    return new AdminAccess(source.all(NAME), source.find(TOKEN_FILE));
  }

  /** The same for pages on an address. */
  public PageAccess on(String listenHost) {
    List<String> all = new ArrayList<>(names);
    all.add(listenHost);
    return PageAccess.ofThisHost(all, tokenFile.map(AccessToken::new));
  }
}
