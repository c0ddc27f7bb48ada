package io.bolina.controlplane.identity;

import io.bolina.runtime.FailureReason;
import io.bolina.runtime.Warnings;
import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/** Trusts the peers whose certificates come from some CAs, and has the log say who does not. */
final class PeerTrust extends X509ExtendedTrustManager {
  private final X509ExtendedTrustManager trust;
  private final Warnings warnings;

  private PeerTrust(X509ExtendedTrustManager trust, Warnings warnings) {
    this.trust = trust;
    this.warnings = warnings;
  }

  static PeerTrust in(List<X509Certificate> cas, Warnings warnings)
      throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    int n = 0;
    for (X509Certificate ca : cas) {
      store.setCertificateEntry("ca-" + n++, ca);
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return new PeerTrust(
        Arrays.stream(factory.getTrustManagers())
            .filter(X509ExtendedTrustManager.class::isInstance)
            .map(X509ExtendedTrustManager.class::cast)
            .findFirst()
            .orElseThrow(),
        warnings);
  }

  private interface Check {
    void run() throws CertificateException;
  }

  private void checked(X509Certificate[] chain, Check check) throws CertificateException {
    try {
      check.run();
    } catch (CertificateException e) {
      // One subject for all: who has no certificate of ours can have any number of others.
      warnings
          .warn("xds-certificate", "")
          .addKeyValue(
              "certificate", chain.length == 0 ? "" : chain[0].getSubjectX500Principal().getName())
          .addKeyValue("reason", FailureReason.of(e))
          .log("certificate of an xds client not trusted; connection refused");
      throw e;
    }
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    checked(chain, () -> trust.checkClientTrusted(chain, authType));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    checked(chain, () -> trust.checkClientTrusted(chain, authType, socket));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    checked(chain, () -> trust.checkClientTrusted(chain, authType, engine));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    trust.checkServerTrusted(chain, authType);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    trust.checkServerTrusted(chain, authType, socket);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    trust.checkServerTrusted(chain, authType, engine);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return trust.getAcceptedIssuers();
  }
}
