package io.bolina.controlplane.identity;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import io.bolina.runtime.tls.CertificateAndKey;
import io.bolina.runtime.tls.PemFile;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;

/**
 * The files of the xDS port.
 *
 * @param clientCa the CAs that peers' certificates must come from; empty if none is asked for
 */
public record TlsFiles(PemFile certificate, PemFile key, Optional<PemFile> clientCa) {
  /**
   * What is in them.
   *
   * @param clientCas empty if peers are asked for no certificate
   */
  record Content(CertificateAndKey own, List<X509Certificate> clientCas) {}

  /**
   * Reads them.
   *
   * @throws IllegalArgumentException naming the setting that is wrong, the file and what to do
   */
  Content read() {
    return new Content(
        CertificateAndKey.read(certificate, key),
        clientCa.map(PemFile::certificates).orElse(List.of()));
  }

  /**
   * A hash of their bytes.
   *
   * @throws IllegalArgumentException if one cannot be read
   */
  String fingerprint() {
    Hasher hasher = Hashing.sha256().newHasher();
    for (PemFile file : List.of(certificate, key, clientCa.orElse(certificate))) {
      byte[] bytes = file.bytes();
      hasher.putInt(bytes.length).putBytes(bytes);
    }
    return hasher.hash().toString();
  }

  /** Where they are, for a log. */
  @Override
  public String toString() {
    return certificate.path() + "," + key.path() + clientCa.map(ca -> "," + ca.path()).orElse("");
  }
}
