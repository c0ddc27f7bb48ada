package io.bolina.controlplane.resources;

import com.google.protobuf.BoolValue;
import com.google.protobuf.UInt32Value;
import com.google.protobuf.util.Durations;
import io.bolina.runtime.setting.SettingType;
import io.envoyproxy.envoy.config.core.v3.HealthCheck;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Envoy's own check of each server of a service, from every Envoy. A server that fails it loses its
 * sessions, whatever the registry says of it: docs/envoy-sessions.md says for whom that is.
 *
 * @param type how a server is asked
 * @param port where; empty for the server's own port
 * @param path what is asked for over HTTP; unused with TCP
 * @param interval between two checks of a server by one Envoy
 * @param timeout until a check without an answer has failed
 * @param unhealthyThreshold how many checks in a row must fail
 */
public record ActiveHealthCheck(
    Type type,
    OptionalInt port,
    String path,
    Duration interval,
    Duration timeout,
    int unhealthyThreshold) {

  /** How a server is asked. */
  public enum Type {
    TCP,
    HTTP
  }

  /** What a value looks like. */
  public static final String LABEL =
      "tcp|http[,port=N][,path=/P][,interval=TIME][,timeout=TIME][,unhealthy-threshold=N]";

  private static final Set<String> KEYS =
      Set.of("port", "path", "interval", "timeout", "unhealthy-threshold");

  private static final SettingType<Type> TYPE = SettingType.choice("TYPE", Type.class);
  private static final SettingType<Integer> PORT = SettingType.whole("PORT", 1, 65_535);
  private static final SettingType<Duration> TIME = SettingType.time("100ms", "1h");
  private static final SettingType<Integer> THRESHOLD = SettingType.whole("N", 1, 100);

  /**
   * Reads one such as {@code http,port=8080,path=/alive,interval=1s}.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static ActiveHealthCheck parse(String text) {
    String[] words = text.strip().split(",", -1);
    Type type = TYPE.parse(words[0]);
    Map<String, String> options = new HashMap<>();
    for (int i = 1; i < words.length; i++) {
      Map.Entry<String, String> option = SettingType.pair().parse(words[i]);
      if (!KEYS.contains(option.getKey())) {
        throw new IllegalArgumentException(
            "'" + option.getKey() + "' is no option of a health check: " + LABEL);
      }
      if (options.put(option.getKey(), option.getValue()) != null) {
        throw new IllegalArgumentException("'" + option.getKey() + "' is given twice");
      }
    }
    String path = options.getOrDefault("path", "/");
    if (!path.startsWith("/")) {
      throw new IllegalArgumentException("the path '" + path + "' does not begin with '/'");
    }
    if (type == Type.TCP && options.containsKey("path")) {
      throw new IllegalArgumentException("a check over TCP has no path");
    }
    return new ActiveHealthCheck(
        type,
        options.containsKey("port")
            ? OptionalInt.of(PORT.parse(options.get("port")))
            : OptionalInt.empty(),
        path,
        TIME.parse(options.getOrDefault("interval", "1s")),
        TIME.parse(options.getOrDefault("timeout", "1s")),
        THRESHOLD.parse(options.getOrDefault("unhealthy-threshold", "2")));
  }

  /** As a cluster has it. */
  HealthCheck message() {
    com.google.protobuf.Duration every = Durations.fromMillis(interval.toMillis());
    HealthCheck.Builder check =
        HealthCheck.newBuilder()
            .setTimeout(Durations.fromMillis(timeout.toMillis()))
            .setInterval(every)
            // UDP sessions are no traffic to Envoy: without these it would check once a minute.
            .setNoTrafficInterval(every)
            .setNoTrafficHealthyInterval(every)
            .setUnhealthyThreshold(UInt32Value.of(unhealthyThreshold))
            .setHealthyThreshold(UInt32Value.of(1))
            // A connection that is kept says less: a process that hangs keeps it.
            .setReuseConnection(BoolValue.of(false));
    if (type == Type.HTTP) {
      check.setHttpHealthCheck(HealthCheck.HttpHealthCheck.newBuilder().setPath(path));
    } else {
      check.setTcpHealthCheck(HealthCheck.TcpHealthCheck.getDefaultInstance());
    }
    return check.build();
  }
}
