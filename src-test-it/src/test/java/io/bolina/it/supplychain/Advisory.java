package io.bolina.it.supplychain;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.maven.artifact.versioning.ComparableVersion;

/**
 * A published vulnerability of a package, as deploy/supply-chain/advisories.jsonl has it.
 *
 * @param name of the package, as a package URL without version
 */
record Advisory(String id, String name, List<Range> ranges, String summary, String url) {
  /**
   * Versions that are affected.
   *
   * @param introduced the first one; 0 for all from the beginning
   * @param fixed the first one that is not, or ""
   * @param lastAffected the last one that is, or ""
   */
  record Range(String introduced, String fixed, String lastAffected) {
    boolean contains(String version) {
      return compare(version, introduced) >= 0
          && (fixed.isEmpty() || compare(version, fixed) < 0)
          && (lastAffected.isEmpty() || compare(version, lastAffected) <= 0);
    }
  }

  private static int compare(String one, String other) {
    return new ComparableVersion(one).compareTo(new ComparableVersion(other));
  }

  /** A line each. */
  static List<Advisory> read(Path file) throws IOException {
    JsonMapper json = new JsonMapper();
    List<Advisory> advisories = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      JsonNode entry = json.readTree(line);
      List<Range> ranges = new ArrayList<>();
      for (JsonNode range : entry.required("ranges")) {
        ranges.add(
            new Range(
                range.required("introduced").asText(),
                range.path("fixed").asText(),
                range.path("last_affected").asText()));
      }
      advisories.add(
          new Advisory(
              entry.required("id").asText(),
              entry.required("package").asText(),
              ranges,
              entry.path("summary").asText(),
              entry.required("url").asText()));
    }
    return advisories;
  }

  boolean affects(Component component) {
    return name.equals(component.name())
        && ranges.stream().anyMatch(range -> range.contains(component.version()));
  }

  /** What is to be done. */
  String of(Component component) {
    return component
        + " has "
        + id
        + " ("
        + summary
        + "); not affected: "
        + ranges.stream()
            .filter(range -> range.contains(component.version()))
            .map(range -> range.fixed().isEmpty() ? "no version yet" : "from " + range.fixed())
            .findFirst()
            .orElseThrow()
        + "; "
        + url;
  }
}
