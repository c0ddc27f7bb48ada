package io.bolina.registry.consul;

import com.orbitz.consul.Consul;
import java.io.IOException;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** How a client of Consul's gets there: URL, ACL token, TLS. */
final class ConsulAccess {
  private ConsulAccess() {}

  static void configure(Consul.Builder builder, ConsulSettings settings) {
    try {
      builder.withUrl(settings.url().toURL());
    } catch (MalformedURLException e) {
      throw new IllegalArgumentException("not a URL of Consul's: " + settings.url(), e);
    }
    settings.token().ifPresent(builder::withAclToken);
    settings.caFile().ifPresent(file -> trustOnly(builder, file));
  }

  private static void trustOnly(Consul.Builder builder, Path caFile) {
    try (InputStream in = Files.newInputStream(caFile)) {
      KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, null);
      int n = 0;
      for (Certificate certificate :
          CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        trusted.setCertificateEntry("ca-" + n++, certificate);
      }
      if (n == 0) {
        throw new IllegalArgumentException("no certificate in " + caFile);
      }
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(trusted);
      TrustManager[] managers = factory.getTrustManagers();
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, managers, null);
      builder
          .withSslContext(context)
          .withTrustManager(
              Arrays.stream(managers)
                  .filter(X509TrustManager.class::isInstance)
                  .map(X509TrustManager.class::cast)
                  .findFirst()
                  .orElseThrow());
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalArgumentException(
          "cannot use the certificates in " + caFile + ": " + e.getMessage(), e);
    }
  }
}
