package io.bolina.it.supplychain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is fetched is what it was when it was looked at: by commit or digest, and checked. */
class PinnedTest {
  private static final Path HOME = Path.of("..");

  /** Ways to fetch something that nobody has checked. */
  private static final List<Pattern> UNCHECKED =
      Stream.of(
              "(curl|wget)[^\n]*\\|\\s*(sudo )?((ba|da|z)?sh|python3?)\\b",
              "((ba|da|z)?sh -c|eval|<\\()[^\n]*(curl|wget)",
              "\\bGO(NOSUMDB|NOSUMCHECK|NOPROXY|PRIVATE|INSECURE)\\s*[=:]",
              "\\bGOSUMDB\\s*[=:]\\s*'?\"?off",
              "(curl|wget)[^\n]*(\\s-[a-zA-Z]*k[a-zA-Z]*\\b|--insecure|--no-check-certificate)",
              "pip3?\"? install(?![^\n]*--require-hashes)",
              "--allow-unauthenticated|trusted=yes|AllowInsecureRepositories",
              "cargo (build|install|test|fetch|clippy)(?![^\n]*(--locked|--version))")
          .map(Pattern::compile)
          .toList();

  @Test
  void actions_are_pinned_by_commit() throws IOException {
    int found = 0;
    for (Path workflow : files(HOME.resolve(".github"))) {
      for (String line : Files.readAllLines(workflow)) {
        if (line.contains("uses:")) {
          found++;
          assertThat(line)
              .as(workflow.toString())
              .matches(".*uses: [\\w./-]+@[0-9a-f]{40} # v[0-9.]+");
        }
      }
    }
    assertThat(found).isPositive();
  }

  @Test
  void base_images_are_pinned_by_digest() throws IOException {
    Path dockerfile = HOME.resolve("deploy/image/Dockerfile");
    assertThat(Files.readAllLines(dockerfile).stream().filter(line -> line.startsWith("FROM ")))
        .isNotEmpty()
        .allMatch(line -> line.matches("FROM (scratch|\\S+@sha256:[0-9a-f]{64})( AS \\w+)?"));
  }

  @Test
  void nothing_is_fetched_without_a_check() throws IOException {
    List<String> found = new ArrayList<>();
    int scripts = 0;
    for (Path file : files(HOME)) {
      String text = script(file);
      scripts += text.isEmpty() ? 0 : 1;
      for (Pattern way : UNCHECKED) {
        way.matcher(text).results().forEach(hit -> found.add(file + ": " + hit.group()));
      }
    }
    assertThat(scripts).isGreaterThan(10);
    assertThat(found).isEmpty();
  }

  /** What a shell script, Dockerfile or workflow says, but for its comments; "" for other files. */
  private static String script(Path file) throws IOException {
    String name = file.getFileName().toString();
    if (name.matches(".*\\.(java|rs|go|md|json|jsonl|csv|svg|png|lock)")
        || Files.size(file) > 1e6) {
      return "";
    }
    try {
      String text = Files.readString(file);
      boolean runs =
          text.startsWith("#!") || name.startsWith("Dockerfile") || name.endsWith(".yml");
      return runs ? text.replaceAll("(?m)^\\s*#(?!!).*$", "").replace("\\\n", " ") : "";
    } catch (MalformedInputException e) {
      return "";
    }
  }

  private static List<Path> files(Path folder) throws IOException {
    List<Path> files = new ArrayList<>();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.toList()) {
        String name = entry.getFileName().toString();
        if (Files.isRegularFile(entry)) {
          files.add(entry);
        } else if (Files.isDirectory(entry) && !name.equals("target") && !name.equals(".git")) {
          files.addAll(files(entry));
        }
      }
    }
    return files;
  }
}
