package io.bolina.runtime.tls;

import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/**
 * What one end of a TLS connection shows, and proves to have.
 *
 * @param chain its certificate, then those that lead to a CA
 * @param key the private key of the first
 */
public record CertificateAndKey(List<X509Certificate> chain, PrivateKey key) {
  public CertificateAndKey {
    chain = List.copyOf(chain);
  }

  /**
   * Reads both, which must belong together.
   *
   * @throws IllegalArgumentException naming the setting that is wrong, the file and what to do
   */
  public static CertificateAndKey read(PemFile certificates, PemFile keys) {
    List<X509Certificate> chain = certificates.certificates();
    PrivateKey key = keys.privateKey(chain.get(0).getPublicKey(), certificates.setting());
    if (!belongTogether(key, chain.get(0))) {
      throw new IllegalArgumentException(
          keys.setting()
              + ": the key in "
              + keys.path()
              + " is not that of the first certificate in "
              + certificates.path()
              + " ("
              + certificates.setting()
              + "); give the key that it was made with");
    }
    return new CertificateAndKey(chain, key);
  }

  private static boolean belongTogether(PrivateKey key, X509Certificate certificate) {
    String algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> key.getAlgorithm();
        };
    byte[] text = {1, 2, 3};
    try {
      Signature signature = Signature.getInstance(algorithm);
      signature.initSign(key);
      signature.update(text);
      byte[] signed = signature.sign();
      signature.initVerify(certificate.getPublicKey());
      signature.update(text);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** Until when the certificate is valid. */
  public Instant expires() {
    return chain.get(0).getNotAfter().toInstant();
  }

  /** No key in a log. */
  @Override
  public String toString() {
    return chain.get(0).getSubjectX500Principal().getName() + " until " + expires();
  }
}
