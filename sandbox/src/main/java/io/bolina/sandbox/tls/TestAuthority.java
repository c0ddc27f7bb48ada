package io.bolina.sandbox.tls;

import io.bolina.sandbox.process.Command;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** A CA of its own, whose certificates say what a test wants: the JDK's keytool makes them. */
public final class TestAuthority {
  private static final String PASSWORD = "changeit";
  private static final int LINE = 64;

  private final Path folder;
  private final Path store;
  private int made;

  /**
   * A certificate with its key, as PEM files.
   *
   * @param certificate the chain but for the CA
   */
  public record Issued(Path certificate, Path key) {
    /** Takes the place of what is in two files, each by a rename, the key first. */
    public void replace(Path certificateFile, Path keyFile) throws IOException {
      TestAuthority.replace(keyFile, key);
      TestAuthority.replace(certificateFile, certificate);
    }
  }

  /**
   * Makes one.
   *
   * @param folder where its files are; another one's must not be there
   */
  public TestAuthority(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder);
    this.store = folder.resolve("authority.p12");
    keytool("ca", "CN=" + folder.getFileName(), List.of("-ext", "bc:c", "-validity", "30"));
    Files.writeString(ca(), pem("CERTIFICATE", certificate("ca")));
  }

  /** Its own certificate, a PEM file. */
  public Path ca() {
    return folder.resolve("ca.pem");
  }

  /**
   * A certificate for a day.
   *
   * @param sans as keytool has them: {@code dns:edge-1.example.org}, {@code ip:127.0.0.1}, {@code
   *     uri:spiffe://…}
   */
  public Issued issue(String... sans) throws IOException {
    return issue(List.of("-validity", "1"), sans);
  }

  /** The same, not valid any more. */
  public Issued issueExpired(String... sans) throws IOException {
    return issue(List.of("-startdate", "-3d", "-validity", "1"), sans);
  }

  private Issued issue(List<String> validity, String... sans) throws IOException {
    String alias = "c" + made++;
    List<String> options = new ArrayList<>(validity);
    options.addAll(List.of("-signer", "ca"));
    if (sans.length > 0) {
      options.addAll(List.of("-ext", "san=" + String.join(",", sans)));
    }
    keytool(alias, "CN=" + alias, options);
    Path certificate = folder.resolve(alias + ".pem");
    Path key = folder.resolve(alias + "-key.pem");
    Files.writeString(certificate, pem("CERTIFICATE", certificate(alias)));
    Files.writeString(key, pem("PRIVATE KEY", key(alias)));
    return new Issued(certificate, key);
  }

  private void keytool(String alias, String name, List<String> options) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-keystore",
                store.toString(),
                "-storepass",
                PASSWORD,
                "-alias",
                alias,
                "-dname",
                name));
    command.addAll(options);
    Command.of(command).run();
  }

  private KeyStore open() throws IOException, GeneralSecurityException {
    KeyStore opened = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      opened.load(in, PASSWORD.toCharArray());
    }
    return opened;
  }

  private byte[] certificate(String alias) throws IOException {
    try {
      Certificate certificate = open().getCertificate(alias);
      return certificate.getEncoded();
    } catch (GeneralSecurityException e) {
      throw new IOException(e);
    }
  }

  private byte[] key(String alias) throws IOException {
    try {
      return open().getKey(alias, PASSWORD.toCharArray()).getEncoded();
    } catch (GeneralSecurityException e) {
      throw new IOException(e);
    }
  }

  private static String pem(String what, byte[] der) {
    String text =
        Base64.getMimeEncoder(LINE, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der);
    return "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
  }

  /** Puts a file in another's place, by a rename, as whoever rotates certificates should. */
  public static void replace(Path file, Path by) throws IOException {
    Path next = file.resolveSibling(file.getFileName() + ".next");
    Files.copy(by, next, StandardCopyOption.REPLACE_EXISTING);
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
