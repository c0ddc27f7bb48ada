package io.bolina.launcher;

import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.resources.EnvoyBootstrap;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.EnvoyTls;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.launcher.edge.EdgeHost;
import io.bolina.launcher.edge.EdgeNeeds;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;

/** {@code bolina envoy-bootstrap}: all that an Envoy needs to be given. */
@Command(
    name = "envoy-bootstrap",
    description = {
      "Prints the bootstrap configuration for an Envoy.",
      "Everything else comes from the control plane.",
      ""
    },
    footer = {
      "",
      "Example:",
      "  bolina envoy-bootstrap --xds 10.0.0.5:18000 --xds 10.0.0.6:18000 --node-id edge-1 > envoy.yaml",
      "  envoy -c envoy.yaml",
      "  bolina envoy-bootstrap --xds cp.example.org:18000 --node-id edge-1 --into /etc/bolina \\",
      "                         --tls-ca-file /etc/bolina/tls/ca.crt --tls-cert-file /etc/bolina/tls/tls.crt --tls-key-file /etc/bolina/tls/tls.key",
      "  bolina envoy-bootstrap --gate --node-id edge-1 > envoy.yaml",
      "  ENVOY_DYNAMIC_MODULES_SEARCH_PATH=/opt/bolina/gate envoy -c envoy.yaml",
      "",
      "A session costs Envoy a file descriptor, and without one left it aborts: start it with 'ulimit -n' well above",
      "the sessions you expect, or set the control plane's max-sessions below it."
    })
final class EnvoyBootstrapCommand extends ConfiguredCommand<SettingMap> {
  private static final Setting<HostPort> XDS =
      Setting.of("xds", SettingType.hostPort())
          .standard(ControlPlaneConfig.XDS.standardInWords())
          .repeatable()
          .help(
              "A control plane's xds address, as this Envoy reaches it. Repeatable: the Envoy moves to another when one fails.");

  private static final Setting<HostPort> ADMIN =
      Setting.of("admin", SettingType.hostPort())
          .standard("127.0.0.1:9901")
          .help("Where the Envoy's own admin page listens.");

  private static final Setting<HostPort> STATS =
      Setting.of("stats", SettingType.hostPort())
          .standardInWords("nowhere")
          .help(
              "Where the Envoy serves /ready and /stats/prometheus to probes and to Prometheus, and nothing else.");

  private static final Setting<String> NODE_ID =
      Setting.of("node-id", SettingType.text("ID"))
          .required()
          .help("The Envoy's name in logs and on /fleet; unique among the Envoys.");

  private static final Setting<Protocol> PROTOCOL =
      Setting.of("protocol", SettingType.choice("VARIANT", Protocol.class))
          .standard("incremental")
          .help("The xDS variant. Incremental reconnects without being sent what it has.");

  private static final Setting<Boolean> GATE =
      Setting.of("gate", SettingType.flag())
          .standard("false")
          .help(
              "The gate's module (gate/target/libbolina_gate.so) is on the Envoy's host, in the folder that the Envoy's environment variable ENVOY_DYNAMIC_MODULES_SEARCH_PATH names: the control plane gives this Envoy the gate.");

  private static final Setting<Boolean> TOKENS =
      Setting.of("tokens", SettingType.flag())
          .standard("false")
          .help(
              "The module also chooses the servers, by the tokens in datagrams (docs/tokens.md). Implies --gate. Takes effect with the Envoy's next start.");

  private static final Setting<Path> INTO =
      Setting.of("into", SettingType.path("DIR"))
          .standardInWords("standard output")
          .help(
              "Write it to DIR/envoy.yaml, and with --gate the module and with --tls-ca-file the SDS files beside it: a folder where the Envoy will read them, such as that of a pod that an init container prepares.");

  private static final Setting<Path> TLS_CA_FILE =
      Setting.of("tls-ca-file", SettingType.path("FILE"))
          .standardInWords("no TLS")
          .help(
              "PEM file, on the Envoy's host, with the CAs that a control plane's certificate must come from: the Envoy speaks TLS. Needs --into, where files are written (SDS) by which the Envoy reads certificates again when they are replaced.");

  private static final Setting<Path> TLS_CERT_FILE =
      Setting.of("tls-cert-file", SettingType.path("FILE"))
          .help(
              "PEM file, on the Envoy's host, with the Envoy's own certificate. Goes together with --tls-key-file, which belongs into the same folder.");

  private static final Setting<Path> TLS_KEY_FILE =
      Setting.of("tls-key-file", SettingType.path("FILE"))
          .help("PEM file, on the Envoy's host, with the private key of --tls-cert-file.");

  private static final Setting<String> TLS_SERVER_NAME =
      Setting.of("tls-server-name", SettingType.text("NAME"))
          .standardInWords("the host of --xds")
          .help("The name that a control plane's certificate must have.");

  private static final Setting<EdgeNeeds> SESSIONS =
      Setting.of("sessions", EdgeCheckCommand.NEEDS)
          .help(
              "First check whether this host is fit for so many sessions (bolina edge-check), and fail if it is not.");

  @Override
  public List<Setting<?>> settings() {
    return List.of(
        XDS,
        ADMIN,
        STATS,
        NODE_ID,
        PROTOCOL,
        GATE,
        TOKENS,
        INTO,
        TLS_CA_FILE,
        TLS_CERT_FILE,
        TLS_KEY_FILE,
        TLS_SERVER_NAME,
        SESSIONS);
  }

  @Override
  protected SettingMap configure(SettingValues values) {
    values.made(() -> checkReachable(values));
    values.made(() -> checkTls(values));
    return values.toMap();
  }

  /** Where a control plane listens is not always where an Envoy finds it. */
  private static boolean checkReachable(SettingValues values) {
    for (HostPort xds : values.all(XDS)) {
      if (xds.host().equals("0.0.0.0") || xds.host().equals("::")) {
        values.error(
            XDS, xds + " is an address to listen on; give the control plane host's own address");
      }
    }
    return true;
  }

  private static boolean checkTls(SettingValues values) {
    boolean tls = values.find(TLS_CA_FILE).isPresent();
    for (Setting<?> of : List.of(TLS_CERT_FILE, TLS_KEY_FILE, TLS_SERVER_NAME)) {
      if (!tls && values.find(of).isPresent()) {
        values.error(of, "needs tls-ca-file");
      }
    }
    if (values.find(TLS_CERT_FILE).isPresent() != values.find(TLS_KEY_FILE).isPresent()) {
      values.error(TLS_CERT_FILE, "goes together with tls-key-file; set both or none");
    }
    if (tls && values.find(INTO).isEmpty()) {
      values.error(
          TLS_CA_FILE, "needs into: Envoy reads certificates again only by files that are there");
    }
    return true;
  }

  private static Optional<EnvoyTls> tls(SettingMap settings) {
    return settings
        .find(TLS_CA_FILE)
        .map(
            ca ->
                new EnvoyTls(
                    settings.get(INTO).toAbsolutePath().normalize(),
                    ca.toAbsolutePath().normalize(),
                    settings
                        .find(TLS_CERT_FILE)
                        .map(
                            certificate ->
                                new EnvoyTls.Own(
                                    certificate.toAbsolutePath().normalize(),
                                    settings.get(TLS_KEY_FILE).toAbsolutePath().normalize())),
                    settings.find(TLS_SERVER_NAME)));
  }

  @Override
  protected int run(SettingMap settings) throws IOException {
    Optional<EdgeNeeds> needs = settings.find(SESSIONS);
    if (needs.isPresent() && !EdgeCheckCommand.report(needs.get(), EdgeHost.here(), err())) {
      return ExitStatus.FAILED;
    }
    boolean tokens = settings.get(TOKENS);
    boolean gate = settings.get(GATE) || tokens;
    Optional<EnvoyTls> tls = tls(settings);
    String yaml =
        EnvoyBootstrap.yaml(
            settings.get(NODE_ID),
            settings.all(XDS),
            tls,
            settings.get(ADMIN),
            settings.find(STATS),
            settings.get(PROTOCOL),
            gate,
            tokens);
    Optional<Path> into = settings.find(INTO);
    if (into.isEmpty()) {
      out().print(yaml);
      out().flush();
    } else {
      Files.createDirectories(into.get());
      if (gate) {
        Path module = GateModule.neededFolder().resolve(GateModule.FILE);
        Files.copy(
            module, into.get().resolve(GateModule.FILE), StandardCopyOption.REPLACE_EXISTING);
      }
      for (var file : tls.map(EnvoyTls::files).orElse(Map.of()).entrySet()) {
        Files.writeString(into.get().resolve(file.getKey()), file.getValue());
      }
      Files.writeString(into.get().resolve("envoy.yaml"), yaml);
    }
    return ExitStatus.OK;
  }
}
