package io.bolina.controlplane.identity;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import io.bolina.runtime.tls.PemFile;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Where Envoys connect, and who may.
 *
 * @param listen the port of Envoys
 * @param tls empty if that port has no TLS
 * @param plain a second port without TLS, while Envoys are moved to TLS
 * @param peers who is admitted where certificates are asked for
 */
public record XdsAccess(
    HostPort listen, Optional<TlsFiles> tls, Optional<HostPort> plain, PeerRules peers) {
  public static final Setting<HostPort> XDS =
      Setting.of("xds", SettingType.listenAddress())
          .standard("127.0.0.1:18000")
          .help(
              "Where Envoys connect (gRPC). An address that other hosts reach needs TLS: xds-cert-file, xds-key-file and xds-client-ca-file.");

  public static final Setting<Path> CERT_FILE =
      Setting.of("xds-cert-file", SettingType.readableFile())
          .help(
              "PEM file with the certificate of the xds port and those that lead to its CA. With it, that port speaks TLS alone. Read again whenever it, the key or the CA changes; streams that are up stay. Goes together with xds-key-file.");

  public static final Setting<Path> KEY_FILE =
      Setting.of("xds-key-file", SettingType.readableFile())
          .help("PEM file with the private key of xds-cert-file.");

  public static final Setting<Path> CLIENT_CA_FILE =
      Setting.of("xds-client-ca-file", SettingType.readableFile())
          .help(
              "PEM file with the CAs that Envoys' certificates must come from. An Envoy without such a certificate is refused.");

  public static final Setting<PeerRule> PEER =
      Setting.of("xds-peer", SettingType.of("SAN=SERVICE,...|*", PeerRule::parse))
          .standardInWords("every certificate from xds-client-ca-file, all services")
          .repeatable()
          .help(
              "Who may connect, by a name (SAN) in its certificate, and which services it sees: 'edge-1.example.org=*', '*.edges.example.org=bolina,chat' for the names that end so, 'spiffe://example.org/edge/*=bolina' for those below; an IP address. What several of them say of a certificate adds up. Repeatable.");

  public static final Setting<NodeIdRule> NODE_ID =
      Setting.of("xds-node-id", SettingType.choice("RULE", NodeIdRule.class))
          .standard("name")
          .help(
              "Which node id an Envoy with a certificate may use: name allows the certificate's own names, the first label of a DNS name and the last segment of a URI's path; any is for Envoys that share a certificate.");

  public static final Setting<HostPort> PLAIN =
      Setting.of("xds-plain", SettingType.listenAddress())
          .standardInWords("none")
          .help(
              "A second port without TLS, for Envoys that are yet to be moved to TLS. Needs xds-cert-file.");

  public static final Setting<Boolean> INSECURE =
      Setting.of("insecure-xds", SettingType.flag())
          .standard("false")
          .help(
              "Lets xds without TLS, or xds-plain, listen where other hosts reach it: whoever does is told of all servers, and may take an Envoy's place.");

  /** In the order of help and documents. */
  public static final List<Setting<?>> SETTINGS =
      List.of(XDS, CERT_FILE, KEY_FILE, CLIENT_CA_FILE, PEER, NODE_ID, PLAIN, INSECURE);

  /** Without TLS: for whoever gets there. */
  public static XdsAccess plain(HostPort listen) {
    return new XdsAccess(
        listen, Optional.empty(), Optional.empty(), new PeerRules(List.of(), NodeIdRule.ANY));
  }

  /** The access that settings give, which have been checked. */
  public static XdsAccess of(SettingSource source) {
    return new XdsAccess(
        source.get(XDS),
        source.find(CERT_FILE).map(certificate -> files(source, certificate)),
        source.find(PLAIN),
        new PeerRules(source.all(PEER), source.get(NODE_ID)));
  }

  private static TlsFiles files(SettingSource source, Path certificate) {
    return new TlsFiles(
        new PemFile(CERT_FILE.key(), certificate),
        new PemFile(KEY_FILE.key(), source.get(KEY_FILE)),
        source.find(CLIENT_CA_FILE).map(ca -> new PemFile(CLIENT_CA_FILE.key(), ca)));
  }

  /**
   * Checks settings against one another, and reads the files.
   *
   * @param services those that are served
   */
  public static void check(SettingValues values, Set<String> services) {
    values.made(() -> checkTogether(values));
    values.made(() -> checkServices(values, services));
    values.made(() -> checkFiles(values));
    values.made(() -> checkReach(values));
  }

  private static boolean checkTogether(SettingValues values) {
    boolean tls = values.find(CERT_FILE).isPresent();
    if (tls && values.find(KEY_FILE).isEmpty()) {
      values.error(CERT_FILE, "goes together with xds-key-file");
    }
    for (Setting<?> of : List.of(KEY_FILE, CLIENT_CA_FILE, PLAIN)) {
      if (!tls && values.find(of).isPresent()) {
        values.error(of, "needs xds-cert-file");
      }
    }
    if (!values.all(PEER).isEmpty() && values.find(CLIENT_CA_FILE).isEmpty()) {
      values.error(PEER, "needs xds-client-ca-file: without it no certificate is asked for");
    }
    if (values.find(PLAIN).filter(at -> at.port() != 0 && at.equals(values.get(XDS))).isPresent()) {
      values.error(PLAIN, "xds is there too; each needs an address of its own");
    }
    return true;
  }

  private static boolean checkServices(SettingValues values, Set<String> services) {
    Set<String> unknown = new HashSet<>();
    values.all(PEER).forEach(rule -> rule.services().ifPresent(unknown::addAll));
    unknown.removeAll(services);
    unknown.forEach(name -> values.error(PEER, "'" + name + "' is no service"));
    return true;
  }

  private static boolean checkFiles(SettingValues values) {
    if (values.find(CERT_FILE).isPresent() && values.find(KEY_FILE).isPresent()) {
      files(values, values.get(CERT_FILE)).read();
    }
    return true;
  }

  private static boolean checkReach(SettingValues values) {
    boolean tls = values.find(CERT_FILE).isPresent();
    Setting<HostPort> open = tls ? PLAIN : XDS;
    Optional<HostPort> reachable = values.find(open).filter(at -> !isLoopback(at));
    if (reachable.isPresent()) {
      String what =
          reachable.get()
              + " has no TLS and other hosts reach it: whoever does is told of all servers, and may take an Envoy's place";
      if (values.get(INSECURE)) {
        values.warning(INSECURE, what);
      } else {
        values.error(
            open,
            what
                + "; give xds-cert-file, xds-key-file and xds-client-ca-file (docs/security.md), or --insecure-xds");
      }
    }
    if (tls && values.find(CLIENT_CA_FILE).isEmpty() && !isLoopback(values.get(XDS))) {
      values.warning(
          CERT_FILE,
          "without xds-client-ca-file no certificate is asked for: whoever reaches "
              + values.get(XDS)
              + " is told of all servers");
    }
    return true;
  }

  private static boolean isLoopback(HostPort at) {
    try {
      return InetAddress.getByName(at.host()).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }
}
