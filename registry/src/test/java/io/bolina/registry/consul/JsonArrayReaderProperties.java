package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** A cache of the previous answer changes nothing of what is read. */
class JsonArrayReaderProperties {
  private static final AnswerLimits LIMITS = new AnswerLimits(65_536, 500);

  private int parsed;

  /** An answer in small pieces, as a network may deliver it. */
  private static InputStream arriving(String answer) {
    return new ByteArrayInputStream(answer.getBytes(StandardCharsets.UTF_8)) {
      @Override
      public synchronized int read(byte[] bytes, int offset, int length) {
        return super.read(bytes, offset, Math.min(length, 7));
      }
    };
  }

  private List<String> read(String answer, JsonArrayReader.Cache cache) throws IOException {
    JsonArrayReader entries = new JsonArrayReader(arriving(answer), LIMITS, cache);
    List<String> read = new ArrayList<>();
    while (entries.next()) {
      String known = entries.cached(String.class).orElse(null);
      if (known == null) {
        parsed++;
        StringBuilder text = new StringBuilder();
        entries.entry(
            field -> {
              if (!field.equals("deep")) {
                text.append(field).append('=').append(entries.text()).append(';');
              }
            });
        known = text.toString();
        entries.cache(known);
      }
      read.add(known);
    }
    return read;
  }

  private static String json(List<String> entries) {
    return " [" + String.join(" ,\n", entries) + "] ";
  }

  @Provide
  Arbitrary<String> entries() {
    Arbitrary<String> text =
        Arbitraries.of("passing", "critical", "a \\\"b\\\" {[", "]}\\\\", "ü€", "", ",", "\\u007b");
    return text.list()
        .ofMaxSize(3)
        .map(
            texts -> {
              StringBuilder object = new StringBuilder("{");
              for (int i = 0; i < texts.size(); i++) {
                object.append(i == 0 ? "" : ", ");
                object.append("\"f").append(i).append("\": \"").append(texts.get(i)).append('"');
              }
              return object.append(", \"deep\": [{}, [1]]}").toString().replace("{, ", "{");
            });
  }

  @Property
  void what_is_read_does_not_depend_on_what_was_read_before(
      @ForAll List<@net.jqwik.api.From("entries") String> one,
      @ForAll List<@net.jqwik.api.From("entries") String> two,
      @ForAll List<@net.jqwik.api.From("entries") String> three)
      throws IOException {
    JsonArrayReader.Cache cache = new JsonArrayReader.Cache();
    for (List<String> answer : List.of(one, two, three, one)) {
      assertThat(read(json(answer), cache))
          .isEqualTo(read(json(answer), new JsonArrayReader.Cache()));
    }
  }

  @Example
  void only_what_changed_is_parsed() throws IOException {
    List<String> entries = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      entries.add("{\"id\": \"b-" + i + "\", \"health\": \"passing\"}");
    }
    JsonArrayReader.Cache cache = new JsonArrayReader.Cache();
    read(json(entries), cache);
    assertThat(parsed).isEqualTo(200);
    parsed = 0;
    entries.set(70, "{\"id\": \"b-70\", \"health\": \"critical\"}");
    entries.add(20, "{\"id\": \"new\"}");
    entries.remove(120);
    for (int i = 150; i < 155; i++) {
      entries.set(i, "{\"id\": \"other-" + i + "\"}");
    }
    assertThat(read(json(entries), cache)).hasSize(200);
    assertThat(parsed).isEqualTo(7);
    parsed = 0;
    read(json(entries), cache);
    assertThat(parsed).isZero();
  }

  @Example
  void an_answer_that_is_cut_off_or_no_list_is_a_fault_and_the_cache_stays() throws IOException {
    JsonArrayReader.Cache cache = new JsonArrayReader.Cache();
    String whole = json(List.of("{\"a\": \"1\"}", "{\"b\": \"2\"}"));
    read(whole, cache);
    for (int length = 1; length < whole.strip().length(); length++) {
      String part = whole.substring(0, length);
      assertThatThrownBy(() -> read(part, cache)).as(part).isInstanceOf(IOException.class);
    }
    for (String bad : List.of("{}", "3", "\"text\"")) {
      assertThatThrownBy(() -> read(bad, cache)).isInstanceOf(ConsulFault.class);
    }
    for (String bad : List.of("<html>", "[{\"a\": ]}]", "[{} {}]", "[,{}]", "", "  ", "[}]")) {
      assertThatThrownBy(() -> read(bad, cache)).as(bad).isInstanceOf(IOException.class);
    }
    parsed = 0;
    assertThat(read(whole, cache)).containsExactly("a=1;", "b=2;");
    assertThat(parsed).isZero();
  }

  @Example
  void what_is_more_than_may_be_is_a_fault_that_says_what_to_set() throws IOException {
    List<String> entries = new ArrayList<>(Collections.nCopies(500, "{\"a\": \"1\"}"));
    assertThat(read(json(entries), new JsonArrayReader.Cache())).hasSize(500);
    entries.add("{}");
    assertThatThrownBy(() -> read(json(entries), new JsonArrayReader.Cache()))
        .isInstanceOf(ConsulFault.class)
        .hasMessageContaining("more than 500 entries")
        .hasMessageContaining("consul-max-entries");
    String large = "{\"a\": \"" + "1".repeat(1_000) + "\"}";
    for (String much : List.of(json(Collections.nCopies(70, large)), "[" + " ".repeat(70_000))) {
      assertThatThrownBy(() -> read(much, new JsonArrayReader.Cache()))
          .isInstanceOf(ConsulFault.class)
          .hasMessageContaining("more than 65536 bytes")
          .hasMessageContaining("consul-max-answer");
    }
  }

  /** Each takes a bit, for as long as the entry lasts. */
  @Example
  void brackets_without_an_end_are_given_up() {
    JsonScanner scanner = new JsonScanner();
    scanner.begin();
    assertThatThrownBy(
            () -> {
              for (long open = 0; open < 1L << 27; open++) {
                scanner.next((byte) '[');
              }
            })
        .hasMessageContaining("brackets are open");
  }

  /** Of a text without an end, neither is more kept than a little, nor is it read for ever. */
  @Example
  void an_entry_without_an_end_is_given_up() {
    AtomicLong read = new AtomicLong();
    InputStream endless =
        new InputStream() {
          @Override
          public int read() {
            throw new UnsupportedOperationException();
          }

          @Override
          public int read(byte[] to, int offset, int length) {
            boolean first = read.getAndAdd(length) == 0;
            Arrays.fill(to, offset, offset + length, (byte) 'a');
            if (first) {
              to[offset] = '[';
              to[offset + 1] = '"';
            }
            return length;
          }
        };
    assertThatThrownBy(
            () ->
                new JsonArrayReader(
                        endless,
                        new AnswerLimits(4 * 1024 * 1024, 500),
                        new JsonArrayReader.Cache())
                    .next())
        .isInstanceOf(ConsulFault.class)
        .hasMessageContaining("consul-max-answer");
    assertThat(read.get()).isLessThan(300 * 1024 * 1024);
  }

  @Example
  void an_entry_that_is_too_large_does_not_count() throws IOException {
    String huge = "{\"a\": \"" + "1".repeat(3_000_000) + "\"}";
    JsonArrayReader entries =
        new JsonArrayReader(
            arriving("[{\"a\": \"1\"}, " + huge + ", {\"a\": \"2\"}]"),
            new AnswerLimits(2_000_000, 500),
            new JsonArrayReader.Cache());
    List<String> read = new ArrayList<>();
    while (entries.next()) {
      try {
        entries.entry(field -> read.add(entries.text()));
      } catch (BadEntry e) {
        read.add(e.getMessage());
      }
    }
    assertThat(read).containsExactly("1", "it has more than 1048576 bytes", "2");
  }
}
