package io.bolina.registry.consul;

import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.ShownUrl;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import okhttp3.OkHttpClient;

/**
 * The settings that say how to reach Consul. Consul's own environment variables give them too, as
 * its command line reads them.
 */
public final class ConsulOptions {
  private static final String DEFAULT_PORT = ":8500";

  /**
   * An address as it may stand in CONSUL_HTTP_ADDR.
   *
   * @param url with {@code http} if no scheme was given
   * @param hasScheme whether one was
   */
  public record ConsulAddress(URI url, boolean hasScheme) {

    /**
     * Reads {@code http://127.0.0.1:8500}, {@code 127.0.0.1:8500} or {@code 127.0.0.1}.
     *
     * @throws IllegalArgumentException saying what is wrong with the text
     */
    public static ConsulAddress parse(String text) {
      boolean hasScheme = text.contains("://");
      try {
        URI url = new URI(hasScheme ? text.strip() : "http://" + text.strip());
        if ("unix".equals(url.getScheme())) {
          throw new IllegalArgumentException(
              "Unix sockets are not supported: '"
                  + ShownUrl.of(text)
                  + "'; give the agent's HTTP address");
        }
        boolean http = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
        if (url.getRawQuery() != null || url.getRawFragment() != null) {
          throw new IllegalArgumentException(
              wrong(text) + "; a token is given by consul-token-file");
        }
        if (http && url.getHost() != null) {
          boolean complete = hasScheme || url.getPort() >= 0;
          return new ConsulAddress(
              complete ? url : new URI("http://" + url.getRawAuthority() + DEFAULT_PORT),
              hasScheme);
        }
      } catch (URISyntaxException e) {
        // Not as the cause: it shows the text, and with it a password.
        throw new IllegalArgumentException(wrong(text));
      }
      throw new IllegalArgumentException(wrong(text));
    }

    private static String wrong(String text) {
      return "'"
          + ShownUrl.of(text)
          + "' is not an address such as 127.0.0.1:8500 or https://127.0.0.1:8501";
    }

    /** Without a user and password. */
    @Override
    public String toString() {
      return withoutLogin(url).toString();
    }
  }

  public static final Setting<ConsulAddress> ADDRESS =
      Setting.of("consul", SettingType.of("URL", ConsulAddress::parse))
          .standard("http://127.0.0.1:8500")
          .environment("CONSUL_HTTP_ADDR")
          .help(
              "HTTP API of a Consul agent, best the one on this host. https:// for TLS; http:// may be left out.");

  public static final Setting<Boolean> SSL =
      Setting.of("consul-ssl", SettingType.flag())
          .standard("false")
          .environment("CONSUL_HTTP_SSL")
          .help("Use TLS if the address of Consul has no scheme.");

  public static final Setting<String> TOKEN =
      Setting.of("consul-token", SettingType.text("TOKEN").map(ConsulOptions::token))
          .secret("CONSUL_HTTP_TOKEN")
          .help("The ACL token, unless consul-token-file is given.");

  public static final Setting<Path> TOKEN_FILE =
      Setting.of("consul-token-file", SettingType.readableFile())
          .environment("CONSUL_HTTP_TOKEN_FILE")
          .help("A file with the ACL token.");

  public static final Setting<Path> CA_FILE =
      Setting.of("consul-ca-file", SettingType.readableFile())
          .environment("CONSUL_CACERT")
          .help("PEM file with the CA certificates that Consul's certificate must come from.");

  public static final Setting<Path> CLIENT_CERT_FILE =
      Setting.of("consul-client-cert-file", SettingType.readableFile())
          .environment("CONSUL_CLIENT_CERT")
          .help("PEM file with the client certificate, for a Consul with verify_incoming.");

  public static final Setting<Path> CLIENT_KEY_FILE =
      Setting.of("consul-client-key-file", SettingType.readableFile())
          .environment("CONSUL_CLIENT_KEY")
          .help("PEM file with the key of consul-client-cert-file.");

  public static final Setting<String> TLS_SERVER_NAME =
      Setting.of("consul-tls-server-name", SettingType.text("NAME"))
          .environment("CONSUL_TLS_SERVER_NAME")
          .standardInWords("the host of the address")
          .help("The name that Consul's certificate must be for.");

  public static final Setting<Duration> WAIT =
      Setting.of("consul-wait", SettingType.time("1s", "10m"))
          .standard("60s")
          .help(
              "How long Consul may hold a blocking query: how soon an unreachable Consul is noticed at the latest.");

  public static final Setting<Duration> STALE_BOUND =
      Setting.of("consul-stale-bound", SettingType.time())
          .standard("10s")
          .help(
              "How old an answer of a Consul server other than the leader may be; an older one is asked again of the leader.");

  public static final Setting<Duration> LOAD_PACING =
      Setting.of("load-pacing", SettingType.time())
          .standard("500ms")
          .help(
              "The least time between two queries for load, or for drain orders, in the long run. Health is never paced behind load.");

  public static final Setting<Integer> MAX_ANSWER =
      Setting.of("consul-max-answer", SettingType.whole("BYTES", 65_536, 536_870_912))
          .standard("33554432")
          .help(
              "The largest answer of Consul's that is read, in bytes (unpacked); over it the last good fleet stays. 10,000 servers are about 15 MB.");

  public static final Setting<Integer> MAX_ENTRIES =
      Setting.of("consul-max-entries", SettingType.whole("N", 1, 1_000_000))
          .standard("20000")
          .help(
              "How many servers (or keys below a prefix) an answer of Consul's may have; over it the last good fleet stays.");

  /** What every command needs that reaches Consul. */
  public static final List<Setting<?>> TO_REACH =
      List.of(
          ADDRESS,
          SSL,
          TOKEN,
          TOKEN_FILE,
          CA_FILE,
          CLIENT_CERT_FILE,
          CLIENT_KEY_FILE,
          TLS_SERVER_NAME,
          MAX_ANSWER,
          MAX_ENTRIES);

  /** What one needs besides that watches a whole service. */
  public static final List<Setting<?>> TO_WATCH = List.of(WAIT, STALE_BOUND, LOAD_PACING);

  private ConsulOptions() {}

  /**
   * What they say, for a command that only reaches Consul.
   *
   * @throws IllegalArgumentException naming the setting that is wrong
   */
  public static ConsulSettings toReach(SettingSource source) {
    ConsulAddress address = source.get(ADDRESS);
    URI url = address.url();
    if (!address.hasScheme() && source.get(SSL)) {
      url = URI.create("https" + url.toString().substring("http".length()));
    }
    ConsulSettings settings =
        ConsulSettings.at(url)
            .withToken(
                source.find(TOKEN_FILE).map(ConsulOptions::tokenIn).or(() -> source.find(TOKEN)))
            .withTokenFile(source.find(TOKEN_FILE))
            .withCaFile(source.find(CA_FILE))
            .withClientCertificate(source.find(CLIENT_CERT_FILE), source.find(CLIENT_KEY_FILE))
            .withTlsServerName(source.find(TLS_SERVER_NAME))
            .withLimits(AnswerLimits.of(source));
    ConsulAccess.configure(new OkHttpClient.Builder(), settings); // reads keys and certificates
    return settings;
  }

  /** The same for one that watches a service. */
  public static ConsulSettings toWatch(SettingSource source) {
    return toReach(source)
        .withWait(source.get(WAIT))
        .withStaleBound(source.get(STALE_BOUND))
        .withLoadPacing(source.get(LOAD_PACING));
  }

  /**
   * What may stand in a header. Anything else would be refused later, with the token in the error.
   */
  private static boolean isToken(String text) {
    return text.chars().allMatch(c -> c > ' ' && c < 0x7f);
  }

  private static String token(String text) {
    if (!isToken(text)) {
      throw new IllegalArgumentException("is not a token: it has spaces or other odd characters");
    }
    return text;
  }

  /** The URL without a user and password, which are not shown to anybody. */
  static URI withoutLogin(URI url) {
    String authority = url.getRawAuthority();
    String rest = url.toString().substring(url.getScheme().length() + 3 + authority.length());
    return URI.create(
        url.getScheme() + "://" + authority.substring(authority.lastIndexOf('@') + 1) + rest);
  }

  /**
   * The token in a file.
   *
   * @throws IllegalArgumentException naming the setting and what is wrong with the file
   */
  static String tokenIn(Path file) {
    try {
      String token = Files.readString(file).strip();
      if (token.isEmpty()) {
        throw new IllegalArgumentException(TOKEN_FILE.key() + ": the file is empty: " + file);
      }
      if (!isToken(token)) {
        throw new IllegalArgumentException(
            TOKEN_FILE.key() + ": the file does not hold a token and nothing else: " + file);
      }
      return token;
    } catch (IOException e) {
      throw new IllegalArgumentException(
          TOKEN_FILE.key() + ": cannot be read: " + file + ": " + e, e);
    }
  }
}
