package io.bolina.controlplane.identity;

import io.bolina.controlplane.limits.Peer;
import io.bolina.runtime.Warnings;
import io.grpc.Attributes;
import io.grpc.Grpc;
import java.security.cert.Certificate;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/** Tells by its connection who opens a stream. */
public final class PeerCheck {
  private final XdsAccess access;
  private final Warnings warnings;

  public PeerCheck(XdsAccess access, Warnings warnings) {
    this.access = access;
    this.warnings = warnings;
  }

  /**
   * Who is at the other end of a connection.
   *
   * @param connection the attributes of a call on it
   * @return empty if nobody who is to be told anything, which is logged and counted
   */
  public Optional<PeerIdentity> peer(Attributes connection) {
    SSLSession session = connection.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
    if (session == null || access.tls().flatMap(TlsFiles::clientCa).isEmpty()) {
      return Optional.of(PeerIdentity.UNKNOWN);
    }
    List<San> names = names(session);
    Optional<PeerIdentity> peer = access.peers().admit(names);
    if (peer.isEmpty()) {
      warnings
          .warn("xds-peer", names.toString())
          .addKeyValue("peer", Peer.at(connection.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR)).address())
          .addKeyValue("names", names)
          .log("xds client's certificate has no name that xds-peer admits; stream refused");
    }
    return peer;
  }

  private static List<San> names(SSLSession session) {
    try {
      Certificate[] chain = session.getPeerCertificates();
      return chain[0] instanceof X509Certificate own ? San.of(own) : List.of();
    } catch (SSLPeerUnverifiedException | CertificateParsingException e) {
      return List.of();
    }
  }
}
