package io.bolina.it.supplychain;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.runtime.Installation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;

/** Nothing that is shipped has a known vulnerability, by the bills of materials of this build. */
class AdvisoriesIT {
  @Test
  void nothing_that_is_shipped_is_known_to_be_vulnerable() throws Exception {
    List<Advisory> advisories = Advisory.read(ofProject("deploy/supply-chain/advisories.jsonl"));
    assertThat(advisories).as("the advisories that the project carries").hasSizeGreaterThan(10);
    List<String> accepted = accepted();
    List<String> found = new ArrayList<>();
    for (Component component : shipped()) {
      for (Advisory advisory : advisories) {
        if (advisory.affects(component) && !accepted.contains(advisory.id())) {
          found.add(advisory.of(component));
        }
      }
    }
    assertThat(found)
        .as(
            "raise the version; or, if Bolina does not use what is vulnerable, say so in"
                + " deploy/supply-chain/accepted.jsonl: id, why, until (a day)")
        .isEmpty();
  }

  /** Else an empty bill would be a clean one. */
  @Test
  void the_bills_name_what_reads_what_strangers_send() throws Exception {
    assertThat(shipped().stream().map(Component::name))
        .contains(
            "pkg:maven/io.grpc/grpc-netty-shaded",
            "pkg:maven/io.netty/netty-codec-http2",
            "pkg:maven/org.eclipse.jetty/jetty-http",
            "pkg:maven/com.google.protobuf/protobuf-java",
            "pkg:maven/com.fasterxml.jackson.core/jackson-core",
            "pkg:maven/com.squareup.okhttp3/okhttp",
            "pkg:maven/org.yaml/snakeyaml",
            "pkg:maven/ch.qos.logback/logback-core",
            "pkg:cargo/aes",
            "pkg:cargo/serde_json");
  }

  private static List<Component> shipped() throws IOException {
    List<Component> shipped = new ArrayList<>();
    shipped.addAll(Component.ofBill(ofProject("launcher/target/bolina.cdx.json")));
    shipped.addAll(Component.ofBill(ofProject("gate/target/gate.cdx.json")));
    shipped.addAll(shaded());
    return shipped;
  }

  private static Path ofProject(String path) throws IOException {
    return Installation.home().resolve(path);
  }

  /** Netty, which is in gRPC's jar under other names, all of one version, and in no bill. */
  private static List<Component> shaded() throws IOException {
    Properties properties = new Properties();
    try (InputStream in =
        AdvisoriesIT.class.getResourceAsStream(
            "/META-INF/io.grpc.netty.shaded.io.netty.versions.properties")) {
      properties.load(in);
    }
    String version = properties.getProperty("netty-common.version");
    assertThat(version).as("the version of Netty in gRPC's jar").isNotNull();
    return Files.readAllLines(ofProject("deploy/supply-chain/netty-in-grpc")).stream()
        .map(name -> new Component(name, version))
        .toList();
  }

  /** Those that are known and do no harm here, each with a reason, until a day. */
  private static List<String> accepted() throws IOException {
    List<String> ids = new ArrayList<>();
    for (String line : Files.readAllLines(ofProject("deploy/supply-chain/accepted.jsonl"))) {
      JsonNode entry = new JsonMapper().readTree(line);
      assertThat(entry.path("why").asText()).as(line).hasSizeGreaterThan(20);
      if (LocalDate.now(ZoneOffset.UTC).isBefore(LocalDate.parse(entry.path("until").asText()))) {
        ids.add(entry.required("id").asText());
      }
    }
    return ids;
  }
}
