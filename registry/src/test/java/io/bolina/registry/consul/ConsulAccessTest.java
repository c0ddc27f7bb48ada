package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConsulAccessTest {
  @TempDir private Path directory;

  private void openssl(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
  }

  private Path file(String name) {
    return directory.resolve(name);
  }

  private void certificate(String key, String certificate) throws Exception {
    openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=c", "-out", certificate);
  }

  private void configure(String certificate, String key) {
    ConsulAccess.configure(
        new OkHttpClient.Builder(),
        ConsulSettings.at(URI.create("https://consul:8501"))
            .withClientCertificate(Optional.of(file(certificate)), Optional.of(file(key))));
  }

  /** As Consul's own command, OpenSSL of old, and OpenSSL of today write keys. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "ecparam -genkey -noout -name prime256v1 -out key.pem",
        "ecparam -genkey -noout -name secp384r1 -out key.pem",
        "genrsa -traditional -out key.pem 2048",
        "genpkey -algorithm RSA -out key.pem",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
        "genpkey -algorithm ED25519 -out key.pem"
      })
  void every_form_of_key_is_read(String make) throws Exception {
    openssl(make.split(" "));
    certificate("key.pem", "certificate.pem");
    assertThatCode(() -> configure("certificate.pem", "key.pem")).doesNotThrowAnyException();
  }

  @Test
  void an_error_names_the_setting_the_file_and_what_to_do() throws Exception {
    openssl("ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", "key.pem");
    openssl("ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", "other.pem");
    openssl("genrsa", "-out", "rsa.pem", "2048");
    openssl("ec", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "encrypted-ec.pem");
    openssl("pkcs8", "-topk8", "-in", "key.pem", "-passout", "pass:x", "-out", "encrypted.pem");
    certificate("key.pem", "certificate.pem");

    assertError("certificate.pem", "none.pem", "consul-client-key-file", "none.pem does not exist");
    assertError("certificate.pem", "certificate.pem", "consul-client-key-file", "openssl pkey");
    assertError("certificate.pem", "encrypted.pem", "consul-client-key-file", "decrypt it with");
    assertError("certificate.pem", "encrypted-ec.pem", "consul-client-key-file", "decrypt it with");
    assertError("certificate.pem", "other.pem", "consul-client-key-file", "certificate.pem");
    assertError("certificate.pem", "rsa.pem", "consul-client-key-file", "openssl pkey");
    assertError("key.pem", "key.pem", "consul-client-cert-file", "openssl x509");
    assertError("none.pem", "key.pem", "consul-client-cert-file", "none.pem does not exist");
  }

  private void assertError(String certificate, String key, String setting, String what) {
    assertThatThrownBy(() -> configure(certificate, key))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(setting + ": ")
        .hasMessageContaining(what);
  }

  @Test
  void a_ca_file_without_certificates_is_an_error_of_that_setting() throws IOException {
    Files.writeString(file("empty.pem"), "");
    Files.writeString(file("text.pem"), "no certificate");
    for (String name : new String[] {"empty.pem", "text.pem", "none.pem"}) {
      ConsulSettings settings =
          ConsulSettings.at(URI.create("https://consul:8501")).withCaFile(Optional.of(file(name)));
      assertThatThrownBy(() -> ConsulAccess.configure(new OkHttpClient.Builder(), settings))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("consul-ca-file: ")
          .hasMessageContaining(name);
    }
  }

  @Test
  void a_connection_that_is_closed_early_may_be_for_want_of_a_certificate() {
    URI https = URI.create("https://consul:8501");
    SocketException closed = new SocketException("Broken pipe");
    assertThat(ConsulAccess.tlsHint(https, closed)).contains("consul-client-cert-file");
    assertThat(ConsulAccess.tlsHint(URI.create("http://consul:8500"), closed)).isEmpty();
    assertThat(ConsulAccess.tlsHint(https, new ConnectException("refused"))).isEmpty();
    IOException beside = new IOException("exhausted all routes");
    assertThat(ConsulAccess.tlsHint(https, beside)).contains("consul-client-cert-file");
    assertThat(ConsulAccess.tlsHint(URI.create("http://consul:8500"), beside)).isEmpty();
    assertThat(ConsulAccess.tlsHint(https, new IOException("unexpected end"))).isEmpty();
  }

  @Test
  void a_certificate_without_its_key_is_an_error() {
    ConsulSettings settings =
        ConsulSettings.at(URI.create("https://consul:8501"))
            .withClientCertificate(Optional.of(file("certificate.pem")), Optional.empty());
    assertThatThrownBy(() -> ConsulAccess.configure(new OkHttpClient.Builder(), settings))
        .hasMessageContaining("goes together with consul-client-key-file");
  }
}
