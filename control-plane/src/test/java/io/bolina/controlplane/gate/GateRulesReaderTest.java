package io.bolina.controlplane.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Network;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GateRulesReaderTest {
  private static GateRulesReader.ParsedGateRules read(String yaml) {
    return GateRulesReader.read(yaml, List.of("bolina"));
  }

  private static GateRules rules(String yaml) {
    GateRulesReader.ParsedGateRules content = read(yaml);
    assertThat(content.errors()).isEmpty();
    return content.rules().get("bolina");
  }

  @Test
  void nothing_is_no_rule() {
    assertThat(read("").rules()).isEmpty();
    assertThat(read("# none yet\n").errors()).isEmpty();
    assertThat(rules("bolina:\n")).isEqualTo(GateRules.NONE);
    assertThat(rules("bolina: {}\n")).isEqualTo(GateRules.NONE);
  }

  @Test
  void every_setting() {
    GateRules rules =
        rules(
            """
            bolina:
              mode: enforce
              shadow: [first-size, sessions]
              size: {min: 12, max: 1200}
              first-size: 64
              patterns:
              - {name: magic, offset: 2, bytes: "b0 11"}
              - {name: version, offset: 4, bytes: ["10", "20"], mask: "f0"}
              - {name: word, text: bo}
              lengths:
              - {name: body, offset: 6, width: 2, order: little, unit: 4, plus: 8}
              - {name: all, width: 1}
              allow: [10.0.0.0/8, "2001:db8::/32"]
              deny: 10.6.6.6
              source-packets: 500/s burst 1000
              source-sessions: 30/m
              sessions: 2000/s
              token: {offset: -4, length: 4, only: {name: data, offset: 0, bytes: "07"}}
              source-ipv4-prefix: 24
              source-ipv6-prefix: 56
              sources: 1000
              known: 2000
              known-for: 20m
              log-every: 1m
            """);
    assertThat(rules)
        .isEqualTo(
            new GateRules(
                Set.of(GateRule.FIRST_SIZE, GateRule.SESSIONS),
                Optional.of(12),
                Optional.of(1200),
                Optional.of(64),
                List.of(
                    new BytePattern("magic", 2, List.of("b011"), "ffff"),
                    new BytePattern("version", 4, List.of("10", "20"), "f0"),
                    new BytePattern("word", 0, List.of("626f"), "ffff")),
                List.of(
                    new LengthField("body", 6, 2, false, 4, 8),
                    new LengthField("all", 0, 1, true, 1, 0)),
                List.of(Network.parse("10.0.0.0/8"), Network.parse("2001:db8::/32")),
                List.of(Network.parse("10.6.6.6/32")),
                Optional.of(new GateRateLimit(500, 1000)),
                Optional.of(new GateRateLimit(0.5, 1)),
                Optional.of(new GateRateLimit(2000, 4000)),
                new TokenRules(
                    Optional.of(
                        new TokenRules.TokenPlace(
                            -4, 4, Optional.of(new BytePattern("data", 0, List.of("07"), "ff")))),
                    List.of()),
                24,
                56,
                1000,
                2000,
                Optional.of(Duration.ofMinutes(20)),
                Duration.ofMinutes(1)));
    assertThat(rules.inUse())
        .isEqualTo(EnumSet.complementOf(EnumSet.of(GateRule.ORDERED, GateRule.SHIELDS)));
  }

  @Test
  void connection_ids_have_a_configuration_for_each_codepoint_or_are_as_for_aws() {
    assertThat(
            rules(
                    """
                    bolina:
                      quic-lb:
                      - {codepoint: 0, server-id-length: 3, nonce-length: 4}
                      - {codepoint: 6, server-id-length: 8, nonce-length: 8, key-file: /etc/bolina/6.key}
                    """)
                .tokens()
                .quicLb())
        .containsExactly(
            new TokenRules.QuicLbConfig(0, 3, 4, Optional.empty()),
            new TokenRules.QuicLbConfig(6, 8, 8, Optional.of("/etc/bolina/6.key")));
    assertThat(rules("bolina: {quic-lb: aws-nlb}\n").tokens().quicLb())
        .hasSize(7)
        .allMatch(c -> c.serverIdLength() == 8 && c.keyFile().isEmpty());
  }

  @Test
  void what_is_wrong_with_tokens_is_said_with_its_place() {
    for (String[] wrong :
        new String[][] {
          {"token: {length: 4}", "bolina.token.offset: is missing"},
          {"token: {offset: 0, length: 17}", "length is not 1 to 16"},
          {"token: {offset: -3, length: 4}", "nearer to the end than its length"},
          {"token: {offset: 99999, length: 4}", "offset is not -65507 to 65507"},
          {"token: {offset: 0, length: 4, mask: 1}", "bolina.token.mask"},
          {"quic-lb: [{codepoint: 7, server-id-length: 3, nonce-length: 4}]", "0 to 6"},
          {"quic-lb: [{codepoint: 0, server-id-length: 16, nonce-length: 4}]", "1 to 15"},
          {"quic-lb: [{codepoint: 0, server-id-length: 8, nonce-length: 12}]", "4 to 11"},
          {"quic-lb: [{codepoint: 0, server-id-length: 8}]", "nonce-length: is missing"},
          {"quic-lb: aws", "expected a list"},
          {
            "quic-lb: [{codepoint: 0, server-id-length: 8, nonce-length: 8, key-file: a.key}]",
            "absolute path"
          },
          {
            "quic-lb: [{codepoint: 0, server-id-length: 3, nonce-length: 4}, {codepoint: 0, server-id-length: 3, nonce-length: 4}]",
            "given twice"
          },
          {"quic-lb: aws-nlb, token: {offset: 0, length: 4}", "both"},
        }) {
      assertThat(GateRulesReader.read("bolina: {" + wrong[0] + "}\n", List.of("bolina")).errors())
          .as(wrong[0])
          .anyMatch(error -> error.contains(wrong[1]));
    }
  }

  @Test
  void in_shadow_every_rule_only_counts_but_not_the_orders() {
    assertThat(rules("bolina: {mode: shadow}\n").shadow())
        .isEqualTo(EnumSet.complementOf(EnumSet.of(GateRule.ORDERED, GateRule.SHIELDS)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "colour: red | bolina.colour: there is no such setting",
        "mode: loose | bolina.mode: 'loose' is neither",
        "shadow: [shields] | bolina.shadow[0]: 'shields' is no rule; there are size,",
        "size: 5 | bolina.size: expected 'key: value' lines",
        "size: {min: 9, max: 8} | bolina: size: min is more than max",
        "size: {max: 65508} | bolina: size is not 0 to 65507",
        "size: {least: 1} | bolina.size.least: there is no such setting",
        "{first-size: 9, size: {max: 8}} | bolina: first-size is more than",
        "first-size: [1] | bolina.first-size: expected one value",
        "patterns: {} | bolina.patterns: expected a list",
        "patterns: [{offset: 1, text: a}] | bolina.patterns[0].name: is missing",
        "patterns: [{name: m}] | bolina.patterns[0]: bytes are missing",
        "patterns: [{name: m, bytes: 42}] | bolina.patterns[0].bytes: stands without quotes",
        "patterns: [{name: m, bytes: '4'}] | bolina.patterns[0]: bytes '4' is not hexadecimal",
        "patterns: [{name: m, bytes: 'zz'}] | bolina.patterns[0]: bytes 'zz' is not hexadecimal",
        "patterns: [{name: m, bytes: ['41', '4142']}] | bolina.patterns[0]: bytes '4142' and mask",
        "patterns: [{name: m m, text: a}] | bolina.patterns[0]: name 'm m'",
        "lengths: [{name: l}] | bolina.lengths[0].width: is missing",
        "lengths: [{name: l, width: 8}] | bolina.lengths[0]: width is not 1 to 4",
        "lengths: [{name: l, width: 2, order: up}] | bolina.lengths[0].order: 'up' is neither",
        "deny: [10.0.0.0/33] | bolina.deny[0]: '10.0.0.0/33' is not a network",
        "sessions: 10 | bolina.sessions: '10' is not a limit such as",
        "sessions: 0/s | bolina.sessions: the rate is not above 0",
        "known: 0 | bolina: known is not 1 to",
        "known-for: 20 | bolina.known-for: '20' is not a time",
      })
  void what_is_wrong_is_said_with_its_place(String settings, String error) {
    String yaml = settings.startsWith("{") ? settings : "{" + settings + "}";
    GateRulesReader.ParsedGateRules content = read("bolina: " + yaml + "\n");
    assertThat(content.errors()).as(settings).anyMatch(said -> said.contains(error));
  }

  @Test
  void everything_that_is_wrong_is_said_at_once() {
    assertThat(read("bolina: {mode: x, known: y}\nother: {}\n").errors()).hasSize(3);
    assertThat(read("bolina: {\n").errors()).singleElement().asString().contains("not YAML");
    assertThat(read("bolina: {}\nbolina: {}\n").errors()).hasSize(1);
    assertThat(read("- bolina\n").errors()).hasSize(1);
  }

  @Test
  void the_example_of_the_documentation_is_in_order() throws IOException {
    List<String> yaml = new ArrayList<>();
    boolean inside = false;
    for (String line : Files.readAllLines(Path.of("../docs/gate.md"))) {
      if (line.startsWith("```")) {
        inside = line.equals("```yaml");
      } else if (inside) {
        yaml.add(line);
      }
    }
    assertThat(rules(String.join("\n", yaml)).inUse()).hasSize(9);
  }
}
