package io.bolina.it.supplychain;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * One thing that Bolina is made of.
 *
 * @param name as a package URL without version: {@code pkg:maven/GROUP/NAME}, {@code
 *     pkg:cargo/NAME}
 */
record Component(String name, String version) {
  /**
   * What a bill of materials (CycloneDX, JSON) names.
   *
   * @throws IOException if it is not there: it says how to get it
   */
  static List<Component> ofBill(Path bill) throws IOException {
    if (!Files.exists(bill)) {
      throw new IOException(
          bill
              + " is missing; build it: mvn -B package -DskipTests (not -o: the CycloneDX"
              + " plugin does nothing offline)");
    }
    List<Component> components = new ArrayList<>();
    for (JsonNode component : new JsonMapper().readTree(bill.toFile()).path("components")) {
      components.add(ofUrl(component.path("purl").asText()));
    }
    return components;
  }

  static Component ofUrl(String url) {
    String plain = url.replaceFirst("[?#].*", "");
    int at = plain.lastIndexOf('@');
    if (at < 0 || !plain.startsWith("pkg:")) {
      throw new IllegalArgumentException("'" + url + "' is no package URL with a version");
    }
    return new Component(plain.substring(0, at), plain.substring(at + 1));
  }

  @Override
  public String toString() {
    return name.substring(name.indexOf('/') + 1) + " " + version;
  }
}
