package io.bolina.controlplane.limits;

import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import java.time.Duration;
import java.util.List;

/**
 * Limits on those who connect to the xDS port. The defaults are far above what a thousand Envoys
 * need, and low enough for the heap that is the default.
 *
 * @param connections at a time, of all and of one address
 * @param streams at a time, of all and of one address
 * @param connectionStreams streams at a time on one connection
 * @param names that one stream may subscribe to, of one type
 * @param nameLength of a name or a node id, in characters
 * @param requestSize of one request, in bytes
 * @param requestRate requests of a stream, a second, that answer no response; ten times as many at
 *     once
 * @param held bytes that all streams together may make the control plane hold
 * @param firstRequest until when a stream must have said whose it is
 * @param reading until when a large response must have been read
 */
public record XdsLimits(
    Most connections,
    Most streams,
    int connectionStreams,
    int names,
    int nameLength,
    int requestSize,
    int requestRate,
    long held,
    Duration firstRequest,
    Duration reading) {

  /** Longer texts of a peer's are cut where they are kept or logged, in characters. */
  public static final int TEXT = 1_000;

  public static final Setting<Integer> CONNECTIONS =
      Setting.of("xds-max-connections", SettingType.whole("N", 1, 1_000_000))
          .standard("2000")
          .help("The most connections to the xds port at a time. Further ones are closed at once.");

  public static final Setting<Integer> PEER_CONNECTIONS =
      Setting.of("xds-max-peer-connections", SettingType.whole("N", 1, 1_000_000))
          .standard("1200")
          .help(
              "The most connections of one address (of one /64 for IPv6). Raise it if all Envoys are behind one NAT.");

  public static final Setting<Integer> STREAMS =
      Setting.of("xds-max-streams", SettingType.whole("N", 1, 1_000_000))
          .standard("2000")
          .help(
              "The most xDS streams at a time. An Envoy has one, for a hot restart two, and three without ADS.");

  public static final Setting<Integer> PEER_STREAMS =
      Setting.of("xds-max-peer-streams", SettingType.whole("N", 1, 1_000_000))
          .standard("1200")
          .help("The most xDS streams of one address (of one /64 for IPv6).");

  public static final Setting<Integer> CONNECTION_STREAMS =
      Setting.of("xds-max-connection-streams", SettingType.whole("N", 1, 100_000))
          .standard("200")
          .help("The most xDS streams at a time on one connection.");

  public static final Setting<Integer> NAMES =
      Setting.of("xds-max-names", SettingType.whole("N", 1, 1_000_000))
          .standard("10000")
          .help(
              "The most names of one type that a stream may subscribe to. An Envoy names each service once.");

  public static final Setting<Integer> NAME_LENGTH =
      Setting.of("xds-max-name-length", SettingType.whole("CHARACTERS", 64, 65_536))
          .standard("512")
          .help("The longest name that a stream may subscribe to, and the longest node id.");

  public static final Setting<Integer> REQUEST_SIZE =
      Setting.of("xds-max-request", SettingType.whole("BYTES", 65_536, 67_108_864))
          .standard("524288")
          .help("The largest xDS request.");

  public static final Setting<Integer> REQUEST_RATE =
      Setting.of("xds-max-request-rate", SettingType.whole("N", 1, 1_000_000))
          .standard("100")
          .help(
              "The most requests of one stream in a second, ACKs and NACKs aside. Ten times as many may come at once.");

  public static final Setting<Integer> HELD =
      Setting.of("xds-max-held", SettingType.whole("BYTES", 1_048_576, Integer.MAX_VALUE))
          .standard("16777216")
          .help(
              "What all streams together may make the control plane hold: unfinished requests, names, small responses that are not read. Over it, the stream that holds most is closed.");

  public static final Setting<Duration> FIRST_REQUEST =
      Setting.of("xds-first-request-within", SettingType.time("1s", "1h"))
          .standard("30s")
          .help("How long a stream may be open without saying whose it is.");

  public static final Setting<Duration> READING =
      Setting.of("xds-read-within", SettingType.time("1s", "1h"))
          .standard("30s")
          .help(
              "How long an Envoy may take to read a response of more than 64 KiB. Others wait meanwhile if many such are under way.");

  /** All of them. */
  public static final List<Setting<?>> SETTINGS =
      List.of(
          CONNECTIONS,
          PEER_CONNECTIONS,
          STREAMS,
          PEER_STREAMS,
          CONNECTION_STREAMS,
          NAMES,
          NAME_LENGTH,
          REQUEST_SIZE,
          REQUEST_RATE,
          HELD,
          FIRST_REQUEST,
          READING);

  public static final XdsLimits DEFAULTS = of(SettingMap.DEFAULTS);

  /**
   * So many at a time.
   *
   * @param all of everybody
   * @param peer of one address
   */
  public record Most(int all, int peer) {}

  /** Of their settings. */
  public static XdsLimits of(SettingSource source) {
    return new XdsLimits(
        new Most(source.get(CONNECTIONS), source.get(PEER_CONNECTIONS)),
        new Most(source.get(STREAMS), source.get(PEER_STREAMS)),
        source.get(CONNECTION_STREAMS),
        source.get(NAMES),
        source.get(NAME_LENGTH),
        source.get(REQUEST_SIZE),
        source.get(REQUEST_RATE),
        source.get(HELD),
        source.get(FIRST_REQUEST),
        source.get(READING));
  }

  /** A peer's text, cut if it is long. */
  public static String cut(String text) {
    return text.length() <= TEXT
        ? text
        : text.substring(0, TEXT) + "… (" + text.length() + " characters)";
  }
}
