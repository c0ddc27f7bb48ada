package io.bolina.controlplane.resources;

import com.google.common.net.InetAddresses;
import io.bolina.runtime.HostPort;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * An Envoy's side of TLS to control planes. Certificates are named in files of their own (SDS)
 * beside the bootstrap: only of such does Envoy read them again when they are replaced.
 *
 * @param folder where those files will be on the Envoy's host, absolute
 * @param ca the CAs that a control plane's certificate must come from
 * @param own the Envoy's certificate and key; empty if it shows none
 * @param serverName the name that a control plane's certificate must have; empty for the host by
 *     which it is reached
 */
public record EnvoyTls(Path folder, Path ca, Optional<Own> own, Optional<String> serverName) {
  private static final String CA_FILE = "xds-ca.yaml";
  private static final String CERTIFICATE_FILE = "xds-certificate.yaml";

  /** An Envoy's certificate, with those that lead to its CA, and key. */
  public record Own(Path certificate, Path key) {}

  /** The files to write into the folder, by name. */
  public Map<String, String> files() {
    String trust =
        """
        # Envoy reads the CAs again when a file in their folder is replaced: renamed to, as mv and Kubernetes do.
        resources:
        - "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
          name: bolina-xds-ca
          validation_context:
            trusted_ca: { filename: %s }
            watched_directory: { path: %s }
        """
            .formatted(quoted(ca), quoted(ca.getParent()));
    return own.map(
            mine ->
                Map.of(
                    CA_FILE,
                    trust,
                    CERTIFICATE_FILE,
                    """
                    # Envoy reads both again when a file in the certificate's folder is replaced: renamed to, as mv and Kubernetes do.
                    resources:
                    - "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
                      name: bolina-xds-certificate
                      tls_certificate:
                        certificate_chain: { filename: %s }
                        private_key: { filename: %s }
                        watched_directory: { path: %s }
                    """
                        .formatted(
                            quoted(mine.certificate()),
                            quoted(mine.key()),
                            quoted(mine.certificate().getParent()))))
        .orElse(Map.of(CA_FILE, trust));
  }

  /** The transport socket of the cluster of the control planes, with its indentation. */
  String transportSocket(List<HostPort> controlPlanes) {
    StringBuilder names = new StringBuilder();
    for (String name : names(controlPlanes)) {
      names
          .append("\n              - { san_type: ")
          .append(kind(name))
          .append(", matcher: { exact: \"")
          .append(name)
          .append("\" } }");
    }
    return """
            transport_socket:
              name: envoy.transport_sockets.tls
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        %s        common_tls_context:
                  tls_params: { tls_minimum_protocol_version: TLSv1_2 }
                  alpn_protocols: [h2]
        %s          combined_validation_context:
                    default_validation_context:
                      match_typed_subject_alt_names:%s
                    validation_context_sds_secret_config:
                      name: bolina-xds-ca
                      sds_config: %s
        """
        .formatted(
            serverName
                .filter(name -> kind(name).equals("DNS"))
                .map(name -> "        sni: \"" + name + "\"\n")
                .orElse(""),
            own.map(mine -> ownCertificate()).orElse(""),
            names,
            source(CA_FILE));
  }

  private static String kind(String name) {
    if (name.contains("://")) {
      return "URI";
    }
    return InetAddresses.isInetAddress(name) ? "IP_ADDRESS" : "DNS";
  }

  private String ownCertificate() {
    return """
                  tls_certificate_sds_secret_configs:
                  - name: bolina-xds-certificate
                    sds_config: %s
        """
        .formatted(source(CERTIFICATE_FILE));
  }

  private String source(String file) {
    return "{ resource_api_version: V3, path_config_source: { path: %s, watched_directory: { path: %s } } }"
        .formatted(quoted(folder.resolve(file)), quoted(folder));
  }

  private TreeSet<String> names(List<HostPort> controlPlanes) {
    TreeSet<String> names = new TreeSet<>();
    serverName.ifPresentOrElse(names::add, () -> controlPlanes.forEach(at -> names.add(at.host())));
    return names;
  }

  private static String quoted(Path path) {
    return "\"" + path.toString().replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }
}
