package io.bolina.registry.consul;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import okhttp3.OkHttpClient;

/** How a client of Consul's gets there by TLS. */
final class ConsulAccess {
  private static final char[] NO_PASSWORD = {};

  /** OkHttp's words for that: another connection has found the address to be of no use. */
  private static final String NO_ROUTE_LEFT = "exhausted all routes";

  private ConsulAccess() {}

  /**
   * Sets TLS, with certificates and keys as their files have them now.
   *
   * @throws IllegalArgumentException naming the setting that is wrong, and what to do
   */
  static void configure(OkHttpClient.Builder builder, ConsulSettings settings) {
    if (settings.clientCertificate().isPresent() != settings.clientKey().isPresent()) {
      throw new IllegalArgumentException(
          "consul-client-cert-file: goes together with consul-client-key-file; set both or none");
    }
    if (settings.caFile().isPresent()
        || settings.clientCertificate().isPresent()
        || settings.tlsServerName().isPresent()) {
      configureTls(builder, settings);
    }
  }

  /**
   * What to look at when a connection fails for this; empty if it is not TLS. A Consul that refuses
   * a client's certificate may close the connection before the reason is read; and of several
   * connections that fail so at a time, only one may have a reason.
   */
  static String tlsHint(URI url, Throwable cause) {
    boolean closed = cause instanceof SocketException && !(cause instanceof ConnectException);
    boolean failedBeside = NO_ROUTE_LEFT.equals(cause.getMessage());
    return ("https".equals(url.getScheme()) && (closed || failedBeside))
            || cause instanceof SSLException
        ? "; check consul-ca-file, consul-client-cert-file and consul-tls-server-name"
        : "";
  }

  private static void configureTls(OkHttpClient.Builder builder, ConsulSettings settings) {
    try {
      TrustManager[] trust = trust(settings);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys(settings), trust, null);
      Optional<String> name = settings.tlsServerName();
      SSLContext named = name.isEmpty() ? context : new TlsServerNameContext(context, name.get());
      builder.sslSocketFactory(
          named.getSocketFactory(),
          Arrays.stream(trust)
              .filter(X509TrustManager.class::isInstance)
              .map(X509TrustManager.class::cast)
              .findFirst()
              .orElseThrow());
      // The sockets have compared the certificate with the name; the client would with the URL.
      name.ifPresent(
          n -> builder.hostnameVerifier((host, session) -> n.equals(session.getPeerHost())));
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalArgumentException("cannot set up TLS for Consul: " + e, e);
    }
  }

  /** The given certificates, or those of the JVM. */
  private static TrustManager[] trust(ConsulSettings settings)
      throws GeneralSecurityException, IOException {
    KeyStore trusted = null;
    if (settings.caFile().isPresent()) {
      trusted = emptyStore();
      int n = 0;
      for (X509Certificate certificate :
          new PemFile("consul-ca-file", settings.caFile().get()).certificates()) {
        trusted.setCertificateEntry("ca-" + n++, certificate);
      }
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(trusted);
    return factory.getTrustManagers();
  }

  /** The client certificate with its key; null, which is none, without one. */
  private static KeyManager[] keys(ConsulSettings settings)
      throws GeneralSecurityException, IOException {
    if (settings.clientCertificate().isEmpty()) {
      return null;
    }
    List<X509Certificate> chain =
        new PemFile("consul-client-cert-file", settings.clientCertificate().get()).certificates();
    PemFile keyFile = new PemFile("consul-client-key-file", settings.clientKey().orElseThrow());
    PrivateKey key = keyFile.privateKey(chain.get(0).getPublicKey());
    if (!belongTogether(key, chain.get(0))) {
      throw new IllegalArgumentException(
          "consul-client-key-file: the key in "
              + keyFile.path()
              + " is not that of the first certificate in "
              + settings.clientCertificate().get()
              + " (consul-client-cert-file); give the key that it was made with");
    }
    KeyStore store = emptyStore();
    store.setKeyEntry("client", key, NO_PASSWORD, chain.toArray(X509Certificate[]::new));
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory.getKeyManagers();
  }

  private static boolean belongTogether(PrivateKey key, X509Certificate certificate)
      throws GeneralSecurityException {
    String algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> key.getAlgorithm();
        };
    byte[] text = {1, 2, 3};
    Signature signature = Signature.getInstance(algorithm);
    signature.initSign(key);
    signature.update(text);
    byte[] signed = signature.sign();
    signature.initVerify(certificate.getPublicKey());
    signature.update(text);
    return signature.verify(signed);
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    return store;
  }
}
