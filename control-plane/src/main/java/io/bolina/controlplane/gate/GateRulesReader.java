package io.bolina.controlplane.gate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.bolina.registry.model.Network;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the rules of all services from YAML, and checks them as a whole: every error is reported
 * with its place, not only the first.
 */
public final class GateRulesReader {
  private static final YAMLMapper YAML =
      YAMLMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
  private static final Pattern TIME = Pattern.compile("(\\d{1,9})(s|m|h)");

  private final List<String> errors = new ArrayList<>();

  /**
   * What a file says.
   *
   * @param rules by service; of no use if there are errors
   * @param errors what is wrong, and where
   */
  public record ParsedGateRules(Map<String, GateRules> rules, List<String> errors) {}

  private GateRulesReader() {}

  /**
   * Reads a file's content.
   *
   * @param services those that are served; rules for another one are an error
   */
  public static ParsedGateRules read(String yaml, Collection<String> services) {
    GateRulesReader reader = new GateRulesReader();
    Map<String, GateRules> rules = new TreeMap<>();
    try {
      JsonNode root = YAML.readTree(yaml);
      if (root != null && !root.isMissingNode() && !root.isNull()) {
        At file = reader.new At("", root);
        for (String service : file.keys()) {
          if (!services.contains(service)) {
            reader.errors.add(service + ": no such service is served; there is " + services);
          } else {
            reader.rules(file.at(service)).ifPresent(r -> rules.put(service, r));
          }
        }
      }
    } catch (JsonProcessingException e) {
      var at = e.getLocation();
      reader.errors.add(
          (at == null ? "" : "line " + at.getLineNr() + ": ")
              + "not YAML: "
              + e.getOriginalMessage().lines().findFirst().orElse(""));
    }
    return new ParsedGateRules(rules, List.copyOf(reader.errors));
  }

  private Optional<GateRules> rules(At service) {
    GateRules none = GateRules.NONE;
    service.only(
        "mode",
        "shadow",
        "size",
        "first-size",
        "patterns",
        "lengths",
        "allow",
        "deny",
        "source-packets",
        "source-sessions",
        "sessions",
        "token",
        "quic-lb",
        "source-ipv4-prefix",
        "source-ipv6-prefix",
        "sources",
        "known",
        "known-for",
        "log-every");
    At size = service.at("size");
    size.only("min", "max");
    Set<GateRule> shadow = EnumSet.noneOf(GateRule.class);
    if (service.at("mode").value(isSecondOf("enforce", "shadow")).orElse(false)) {
      shadow.addAll(Arrays.stream(GateRule.values()).filter(GateRule::canBeShadow).toList());
    }
    shadow.addAll(service.at("shadow").values(GateRulesReader::rule));
    Optional<Integer> smallest = size.at("min").value(GateRulesReader::whole);
    Optional<Integer> largest = size.at("max").value(GateRulesReader::whole);
    Optional<Integer> firstSize = service.at("first-size").value(GateRulesReader::whole);
    List<BytePattern> patterns = each(service.at("patterns"), this::pattern);
    List<LengthField> lengths = each(service.at("lengths"), this::length);
    List<Network> allow = service.at("allow").values(Network::parse);
    List<Network> deny = service.at("deny").values(Network::parse);
    Optional<GateRateLimit> sourcePackets =
        service.at("source-packets").value(GateRateLimit::parse);
    Optional<GateRateLimit> sourceSessions =
        service.at("source-sessions").value(GateRateLimit::parse);
    Optional<GateRateLimit> sessions = service.at("sessions").value(GateRateLimit::parse);
    Optional<TokenRules> tokens = tokens(service);
    int ipv4 = service.number("source-ipv4-prefix", none.sourceIpv4Prefix());
    int ipv6 = service.number("source-ipv6-prefix", none.sourceIpv6Prefix());
    int sources = service.number("sources", none.sources());
    int known = service.number("known", none.known());
    Optional<Duration> knownFor = service.at("known-for").value(GateRulesReader::time);
    Duration logEvery =
        service.at("log-every").value(GateRulesReader::time).orElse(none.logEvery());
    return service.made(
        () ->
            new GateRules(
                shadow,
                smallest,
                largest,
                firstSize,
                patterns,
                lengths,
                allow,
                deny,
                sourcePackets,
                sourceSessions,
                sessions,
                tokens.orElse(none.tokens()),
                ipv4,
                ipv6,
                sources,
                known,
                knownFor,
                logEvery));
  }

  private Optional<BytePattern> pattern(At at) {
    at.only("name", "offset", "bytes", "text", "mask");
    Optional<String> name = at.needed("name").value(t -> t);
    Optional<Integer> offset = at.at("offset").value(GateRulesReader::whole);
    List<String> anyOf = new ArrayList<>(at.at("bytes").values(GateRulesReader::withoutBlanks));
    for (String text : at.at("text").values(t -> t)) {
      anyOf.add(HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8)));
    }
    Optional<String> mask = at.at("mask").value(GateRulesReader::withoutBlanks);
    if (name.isEmpty()) {
      return Optional.empty();
    }
    return at.made(
        () ->
            new BytePattern(
                name.get(),
                offset.orElse(0),
                anyOf,
                mask.orElseGet(
                    () -> anyOf.isEmpty() ? "" : "ff".repeat(anyOf.get(0).length() / 2))));
  }

  private Optional<TokenRules> tokens(At service) {
    At token = service.at("token");
    token.only("offset", "length", "only");
    Optional<TokenRules.TokenPlace> place = Optional.empty();
    if (token.isThere()) {
      Optional<Integer> offset = token.needed("offset").value(GateRulesReader::wholeOrNegative);
      Optional<Integer> length = token.needed("length").value(GateRulesReader::whole);
      Optional<BytePattern> only =
          token.at("only").isThere() ? pattern(token.at("only")) : Optional.empty();
      if (offset.isPresent() && length.isPresent()) {
        place = token.made(() -> new TokenRules.TokenPlace(offset.get(), length.get(), only));
      }
    }
    Optional<TokenRules.TokenPlace> found = place;
    At quic = service.at("quic-lb");
    List<TokenRules.QuicLbConfig> configs =
        quic.isText("aws-nlb") ? TokenRules.AWS_NLB : each(quic, this::quicLb);
    return service.made(() -> new TokenRules(found, configs));
  }

  private Optional<TokenRules.QuicLbConfig> quicLb(At at) {
    at.only("codepoint", "server-id-length", "nonce-length", "key-file");
    Optional<Integer> codepoint = at.needed("codepoint").value(GateRulesReader::whole);
    Optional<Integer> serverId = at.needed("server-id-length").value(GateRulesReader::whole);
    Optional<Integer> nonce = at.needed("nonce-length").value(GateRulesReader::whole);
    Optional<String> keyFile = at.at("key-file").value(t -> t);
    if (codepoint.isEmpty() || serverId.isEmpty() || nonce.isEmpty()) {
      return Optional.empty();
    }
    return at.made(
        () -> new TokenRules.QuicLbConfig(codepoint.get(), serverId.get(), nonce.get(), keyFile));
  }

  private static int wholeOrNegative(String text) {
    return text.startsWith("-") ? -whole(text.substring(1)) : whole(text);
  }

  private Optional<LengthField> length(At at) {
    at.only("name", "offset", "width", "order", "unit", "plus");
    Optional<String> name = at.needed("name").value(t -> t);
    Optional<Integer> offset = at.at("offset").value(GateRulesReader::whole);
    Optional<Integer> width = at.needed("width").value(GateRulesReader::whole);
    Optional<Boolean> little = at.at("order").value(isSecondOf("big", "little"));
    Optional<Integer> unit = at.at("unit").value(GateRulesReader::whole);
    Optional<Integer> plus = at.at("plus").value(GateRulesReader::whole);
    if (name.isEmpty() || width.isEmpty()) {
      return Optional.empty();
    }
    return at.made(
        () ->
            new LengthField(
                name.get(),
                offset.orElse(0),
                width.get(),
                !little.orElse(false),
                unit.orElse(1),
                plus.orElse(0)));
  }

  private static <T> List<T> each(At list, Function<At, Optional<T>> read) {
    return list.items().stream().map(read).flatMap(Optional::stream).toList();
  }

  /** Whether the text is the second of two words. */
  private static Function<String, Boolean> isSecondOf(String first, String second) {
    return text -> {
      if (!text.equals(first) && !text.equals(second)) {
        throw new IllegalArgumentException(
            "'" + text + "' is neither '" + first + "' nor '" + second + "'");
      }
      return text.equals(second);
    };
  }

  private static GateRule rule(String text) {
    return GateRule.written(text)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "'" + text + "' is no rule; there are " + GateRule.allWritten()));
  }

  private static Integer whole(String text) {
    try {
      return Integer.valueOf(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'" + text + "' is not a whole number", e);
    }
  }

  private static String withoutBlanks(String hexadecimal) {
    return hexadecimal.replace(" ", "");
  }

  private static Duration time(String text) {
    Matcher matcher = TIME.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a time; write a whole number and s, m or h, such as 20m");
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      default -> Duration.ofHours(number);
    };
  }

  /** A place in the file, and what stands there, if anything does. */
  private final class At {
    private final String place;
    private final JsonNode node;

    private At(String place, JsonNode node) {
      this.place = place;
      this.node = node;
    }

    private boolean isThere() {
      return !node.isMissingNode() && !node.isNull();
    }

    private void wrong(String what) {
      errors.add(place.isEmpty() ? what : place + ": " + what);
    }

    private List<String> keys() {
      if (isThere() && !node.isObject()) {
        wrong("expected 'key: value' lines");
      }
      List<String> keys = new ArrayList<>();
      node.fieldNames().forEachRemaining(keys::add);
      return keys;
    }

    private void only(String... known) {
      for (String key : keys()) {
        if (!Arrays.asList(known).contains(key)) {
          at(key).wrong("there is no such setting; there are " + String.join(", ", known));
        }
      }
    }

    private boolean isText(String text) {
      return node.isTextual() && node.asText().equals(text);
    }

    private At at(String key) {
      return new At(place.isEmpty() ? key : place + "." + key, node.path(key));
    }

    private At needed(String key) {
      At at = at(key);
      if (!at.isThere()) {
        at.wrong("is missing");
      }
      return at;
    }

    private int number(String key, int standard) {
      return at(key).value(GateRulesReader::whole).orElse(standard);
    }

    private List<At> items() {
      if (isThere() && !node.isArray()) {
        wrong("expected a list");
      }
      List<At> items = new ArrayList<>();
      if (node.isArray()) {
        for (JsonNode item : node) {
          items.add(new At(place + "[" + items.size() + "]", item));
        }
      }
      return items;
    }

    /** One value, or a list of them. */
    private <T> List<T> values(Function<String, T> parser) {
      List<At> each = node.isArray() ? items() : List.of(this);
      return each.stream().map(at -> at.value(parser)).flatMap(Optional::stream).toList();
    }

    private <T> Optional<T> value(Function<String, T> parser) {
      if (!isThere()) {
        return Optional.empty();
      }
      if (!node.isValueNode()) {
        wrong("expected one value");
        return Optional.empty();
      }
      boolean hexadecimal = place.matches(".*\\.(bytes|mask)(\\[\\d+])?");
      if (hexadecimal && !node.isTextual()) {
        wrong("stands without quotes, which YAML takes for a number; write \"b0 11\"");
        return Optional.empty();
      }
      return made(() -> parser.apply(node.asText()));
    }

    private <T> Optional<T> made(java.util.function.Supplier<T> constructor) {
      try {
        return Optional.of(constructor.get());
      } catch (IllegalArgumentException e) {
        wrong(e.getMessage());
        return Optional.empty();
      }
    }
  }
}
