package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.registry.model.ServiceListing;
import io.bolina.runtime.Warnings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * Whatever stands in whatever place of an entry, the other entries come out as they do without it.
 */
class GraftProperties {
  /** Each value in angle quotes is a place. */
  private static final String INSTANCE =
      "‹{\"Node\": ‹{\"Node\": ‹\"n\"›, \"Address\": ‹\"10.1.1.1\"›, \"Meta\": ‹{\"zone\": ‹\"z\"›}›}›,"
          + " \"Service\": ‹{\"ID\": ‹\"ID\"›, \"Address\": ‹\"10.0.0.9\"›, \"Port\": ‹7000›,"
          + " \"Meta\": ‹{‹\"k\"›: ‹\"v\"›}›, \"Tags\": ‹[]›, \"ModifyIndex\": ‹7›,"
          + " \"Proxy\": {\"Config\": ‹{}›}}›,"
          + " \"Checks\": ‹[‹{\"CheckID\": ‹\"c\"›, \"Name\": ‹\"c\"›, \"Status\": ‹\"passing\"›,"
          + " \"Output\": ‹\"o\"›, ‹\"Definition\"›: ‹{}›}›]›}›";

  private static final String ENTRY =
      "‹{\"LockIndex\": ‹0›, \"Key\": ‹\"KEY\"›, \"Flags\": ‹0›, ‹\"Value\"›: ‹\"VALUE\"›}›";

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final Warnings warnings = new Warnings(meters, Clock.systemUTC());

  /** Bytes that can be told from what follows them, one character each. */
  @Provide
  Arbitrary<String> grafts() {
    Arbitrary<String> scalars =
        Arbitraries.of(
            "null",
            "true",
            "0",
            "-1",
            "7101.9",
            "2147483648",
            "-2147483649",
            "18446744073709551616",
            "1e999999",
            "1e-999999",
            "-0",
            "007",
            "NaN",
            "-Infinity",
            "oh",
            "\"\"",
            "\"\\ud800\"",
            "\"\\udc00\\ud800x\"",
            "\"\\u0000\"",
            "\"\u0000\"",
            "\"\n\t\u001b[2J\"",
            "\"\u00c0\u00af\"",
            "\"\u00ff\u00fe\"",
            "\"\u00ed\u00a0\u0080\"",
            "\"\u00f4\u0090\u0080\u0080\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"b-1\"",
            "\"10.0.0.1\"",
            "\"255.255.255.255\"",
            "{\"a\": 1, \"a\": 2}",
            "{\"ID\": \"b-1\", \"ID\": \"b-2\"}",
            "{\"a\" 1}",
            "{1: 2}",
            "[1 2]",
            "[,]",
            "{}",
            "[]",
            "[{}, [], null, \"x\", 3]");
    Arbitrary<String> deep =
        Arbitraries.integers()
            .between(1, 20_000)
            .flatMap(
                n ->
                    Arbitraries.of(
                        "[".repeat(n) + "]".repeat(n),
                        "{\"a\":".repeat(n) + "1" + "}".repeat(n),
                        "[{\"a\":".repeat(n) + "\"]\"" + "}]".repeat(n)));
    Arbitrary<String> long_ =
        Arbitraries.integers()
            .between(500, 3_000_000)
            .flatMap(
                n ->
                    Arbitraries.of(
                        "9".repeat(n),
                        "0." + "1".repeat(n),
                        "\"" + "a".repeat(n) + "\"",
                        "\"" + "\\\\".repeat(n / 2) + "\"",
                        "[" + "{},".repeat(n / 3) + "{}]",
                        "{\"" + "k".repeat(n) + "\": 1}"));
    Arbitrary<String> anyText =
        Arbitraries.chars()
            .range('\u0000', '\u00ff')
            .filter(c -> c != '"' && c != '\\')
            .list()
            .ofMaxSize(40)
            .map(
                chars -> {
                  StringBuilder text = new StringBuilder("\"");
                  chars.forEach(text::append);
                  return text.append('"').toString();
                });
    Arbitrary<String> nested =
        Arbitraries.lazyOf(
            () -> scalars,
            () -> anyText,
            () -> grafts().list().ofMaxSize(3).map(all -> "[" + String.join(",", all) + "]"),
            () -> grafts().map(one -> "{\"ID\": " + one + ", \"Status\": " + one + "}"));
    return Arbitraries.frequencyOf(
        net.jqwik.api.Tuple.of(8, scalars),
        net.jqwik.api.Tuple.of(2, deep),
        net.jqwik.api.Tuple.of(1, long_),
        net.jqwik.api.Tuple.of(3, anyText),
        net.jqwik.api.Tuple.of(3, nested.filter(text -> text.length() < 4_000_000)));
  }

  /** How many places a template has. */
  private static int places(String template) {
    return (int) template.chars().filter(c -> c == '‹').count();
  }

  /** The template with a graft in one place; as it is, if there is no such place. */
  private static String grafted(String template, int place, String graft) {
    int at = -1;
    for (int i = 0; i <= place; i++) {
      at = template.indexOf('‹', at + 1);
      if (at < 0) {
        return template.replace("‹", "").replace("›", "");
      }
    }
    int open = 0;
    int end = at;
    do {
      open += template.charAt(end) == '‹' ? 1 : template.charAt(end) == '›' ? -1 : 0;
      end++;
    } while (open > 0);
    String before = template.substring(0, at).replace("‹", "").replace("›", "");
    return before + graft + template.substring(end).replace("‹", "").replace("›", "");
  }

  private static JsonArrayReader answer(List<String> entries) throws IOException {
    byte[] bytes = ("[" + String.join(",", entries) + "]").getBytes(StandardCharsets.ISO_8859_1);
    InputStream arriving =
        new ByteArrayInputStream(bytes) {
          @Override
          public synchronized int read(byte[] to, int offset, int length) {
            return super.read(to, offset, Math.min(length, 8_191));
          }
        };
    return new JsonArrayReader(arriving);
  }

  private static String instance(int n) {
    return grafted(INSTANCE, Integer.MAX_VALUE, "")
        .replace("\"ID\": \"ID\"", "\"ID\": \"b-" + n + "\"")
        .replace("10.0.0.9", "10.0.0." + n)
        .replace("passing", n == 2 ? "critical" : "passing");
  }

  private ServiceListing listing(List<String> entries) throws IOException {
    return new InstanceReader("bolina", warnings).read(answer(entries));
  }

  private double bad() {
    return meters.find("bolina.bad.input").counters().stream().mapToDouble(c -> c.count()).sum();
  }

  @Property(tries = 600)
  void instances(
      @ForAll("grafts") String graft, @ForAll("places") int place, @ForAll("order") int order)
      throws IOException {
    List<String> others = new ArrayList<>(List.of(instance(1), instance(2), instance(3)));
    List<ServiceListing.Instance> alone = listing(others).instances();
    assertThat(alone).hasSize(3);
    others.add(order, grafted(INSTANCE, place % places(INSTANCE), graft));
    double before = bad();

    ServiceListing listing = listing(others);

    List<ServiceListing.Instance> rest = new ArrayList<>(listing.instances());
    if (rest.size() == 4) {
      rest.remove(order); // it can be used all the same
    } else {
      assertThat(bad()).as("counted").isGreaterThan(before);
    }
    assertThat(rest).isEqualTo(alone);
  }

  @Property(tries = 400)
  void entries_of_keys(
      @ForAll("grafts") String graft,
      @ForAll("places") int place,
      @ForAll("order") int order,
      @ForAll boolean inTheValue)
      throws IOException {
    LoadReader reader = new LoadReader("bolina", warnings);
    List<String> others =
        new ArrayList<>(List.of(entry("b-1", "1"), entry("b-2", "2"), entry("b-3", "3")));
    Map<String, ?> alone = reader.read(answer(others));
    assertThat(alone).hasSize(3);
    String bad =
        inTheValue
            ? entry("b-9", graft)
            : grafted(ENTRY.replace("KEY", "bolina/load/bolina/b-9"), place % places(ENTRY), graft);
    others.add(order, bad);

    Map<String, Object> read = new HashMap<>(reader.read(answer(others)));

    read.remove("b-9");
    assertThat(read).isEqualTo(alone);
  }

  private static String entry(String id, String load) {
    byte[] value = ("{\"load\": " + load + "}").getBytes(StandardCharsets.ISO_8859_1);
    return grafted(ENTRY, Integer.MAX_VALUE, "")
        .replace("KEY", "bolina/load/bolina/" + id)
        .replace("VALUE", Base64.getEncoder().encodeToString(value));
  }

  @Provide
  Arbitrary<Integer> places() {
    return Arbitraries.integers().between(0, 100);
  }

  @Provide
  Arbitrary<Integer> order() {
    return Arbitraries.integers().between(0, 3);
  }

  @Example
  void whose_entry_it_is_is_known_whatever_else_is_wrong_with_it() throws IOException {
    for (String graft :
        List.of(
            "[".repeat(1_500) + "]".repeat(1_500),
            "1e999999",
            "\"\u00ff\"",
            "\"" + "a".repeat(2 * JsonArrayReader.LARGEST_ENTRY) + "\"")) {
      int port = 8;
      ServiceListing listing = listing(List.of(instance(1), grafted(INSTANCE, port, graft)));
      assertThat(listing.instances()).hasSize(1);
      assertThat(listing.unusable()).containsExactly("ID");
    }
    assertThat(bad()).isEqualTo(4);
  }

  @Example
  void an_answer_whose_entries_cannot_be_told_apart_is_none() {
    String good = instance(1);
    for (String bad : List.of("[" + good + ", {\"a\": ]}]", "[" + good + good + "]", "[" + good)) {
      byte[] bytes = bad.getBytes(StandardCharsets.UTF_8);
      InstanceReader reader = new InstanceReader("bolina", warnings);
      assertThatThrownBy(() -> reader.read(new JsonArrayReader(new ByteArrayInputStream(bytes))))
          .isInstanceOf(IOException.class);
    }
  }
}
