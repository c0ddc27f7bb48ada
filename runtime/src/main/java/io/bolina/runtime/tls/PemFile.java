package io.bolina.runtime.tls;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Certificates and keys in a PEM file that a setting names. Every error names that setting, the
 * file and what to do.
 *
 * <p>The JDK reads private keys in PKCS #8 only, while Consul's own command ({@code consul tls cert
 * create}) writes the older form of elliptic curves; so the older forms are wrapped here.
 *
 * @param setting the setting's key
 */
public record PemFile(String setting, Path path) {
  /** Of the size of a thousand certificates: what is larger is not what was meant. */
  private static final int MOST_BYTES = 1 << 20;

  private static final Pattern KEY =
      Pattern.compile("-----BEGIN ((?:[A-Z]+ )*)PRIVATE KEY-----(.*?)-----END", Pattern.DOTALL);
  private static final int SEQUENCE = 0x30;
  private static final int OCTET_STRING = 0x04;
  private static final byte[] VERSION_0 = {0x02, 0x01, 0x00};

  /** The certificates in it, at least one. */
  public List<X509Certificate> certificates() {
    List<X509Certificate> certificates = new ArrayList<>();
    try {
      CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(bytes()))
          .forEach(c -> certificates.add((X509Certificate) c));
    } catch (CertificateException e) {
      throw noCertificates(e);
    }
    if (certificates.isEmpty()) {
      throw noCertificates(null);
    }
    return certificates;
  }

  private IllegalArgumentException noCertificates(Exception cause) {
    return error(
        "holds no readable certificates in PEM format; check with: openssl x509 -noout -subject -in "
            + path,
        cause);
  }

  /**
   * The private key in it.
   *
   * @param ofCertificate whose key it must be
   * @param certificateSetting the key of the setting that names that certificate
   */
  PrivateKey privateKey(PublicKey ofCertificate, String certificateSetting) {
    Matcher pem = KEY.matcher(new String(bytes(), StandardCharsets.ISO_8859_1));
    if (!pem.find()) {
      throw error(
          "holds no private key in PEM format; check with: openssl pkey -noout -in " + path, null);
    }
    String form = pem.group(1).strip();
    if (form.equals("ENCRYPTED") || pem.group(2).contains("ENCRYPTED")) {
      throw error(
          "holds an encrypted private key; decrypt it with: openssl pkey -in "
              + path
              + " -out KEY.pem",
          null);
    }
    try {
      byte[] key = Base64.getMimeDecoder().decode(pem.group(2));
      byte[] pkcs8 = form.isEmpty() ? key : pkcs8(key, ofCertificate);
      return KeyFactory.getInstance(ofCertificate.getAlgorithm())
          .generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
    } catch (IllegalArgumentException | GeneralSecurityException e) {
      throw error(
          "holds no private key that fits the certificate in "
              + certificateSetting
              + "; check with: openssl pkey -noout -text -in "
              + path,
          e);
    }
  }

  /**
   * Wraps a key in PKCS #8, which differs by the name of its algorithm (with its curve). A
   * certificate has the same one in front of its public key.
   */
  private static byte[] pkcs8(byte[] key, PublicKey ofCertificate) {
    ByteBuffer publicKey = ByteBuffer.wrap(ofCertificate.getEncoded());
    skipHeader(publicKey);
    int start = publicKey.position();
    int length = skipHeader(publicKey);
    int end = publicKey.position() + length;
    byte[] algorithm = new byte[end - start];
    publicKey.get(start, algorithm);
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    content.writeBytes(VERSION_0);
    content.writeBytes(algorithm);
    content.writeBytes(der(OCTET_STRING, key));
    return der(SEQUENCE, content.toByteArray());
  }

  /** Goes to the content of the DER value here; returns the content's length. */
  private static int skipHeader(ByteBuffer der) {
    der.get();
    int first = der.get() & 0xff;
    if (first < 0x80) {
      return first;
    }
    int length = 0;
    for (int i = 0; i < (first & 0x7f); i++) {
      length = (length << 8) | (der.get() & 0xff);
    }
    return length;
  }

  private static byte[] der(int tag, byte[] content) {
    ByteArrayOutputStream der = new ByteArrayOutputStream();
    der.write(tag);
    if (content.length < 0x80) {
      der.write(content.length);
    } else if (content.length < 0x100) {
      der.write(0x81); // one byte of length follows
      der.write(content.length);
    } else {
      der.write(0x82); // two, which every key of today fits in
      der.write(content.length >> 8);
      der.write(content.length);
    }
    der.writeBytes(content);
    return der.toByteArray();
  }

  /**
   * Its content.
   *
   * @throws IllegalArgumentException if it cannot be read
   */
  public byte[] bytes() {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] bytes = in.readNBytes(MOST_BYTES + 1);
      if (bytes.length > MOST_BYTES) {
        throw error("is larger than 1 MiB", null);
      }
      return bytes;
    } catch (NoSuchFileException e) {
      throw error("does not exist", e);
    } catch (IOException e) {
      throw error("cannot be read: " + e, e);
    }
  }

  private IllegalArgumentException error(String what, Exception cause) {
    return new IllegalArgumentException(setting + ": the file " + path + " " + what, cause);
  }
}
