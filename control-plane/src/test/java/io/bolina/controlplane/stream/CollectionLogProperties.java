package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.StringValue;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedServer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * A client that applies the log's batches ends with the collection as it is, however seldom it
 * asks.
 */
class CollectionLogProperties {
  static ServedCollection collection(Map<String, String> contents) {
    return ServedCollection.of(
        XdsTypes.MEMBER,
        "s",
        contents.entrySet().stream()
            .map(e -> ServedServer.of(e.getKey(), StringValue.of(e.getValue())))
            .toList(),
        List.of());
  }

  /** Somebody who listens. */
  private static final class Listener {
    private final Map<String, String> has = new HashMap<>();
    private long cursor = CollectionLog.NOTHING;

    private int ask(CollectionLog log) {
      Optional<Batch> batch = log.since(cursor);
      batch.ifPresent(this::apply);
      batch.ifPresent(b -> cursor = b.upTo());
      return batch.map(Batch::size).orElse(0);
    }

    private void apply(Batch batch) {
      batch.changed().forEach(server -> has.put(server.key(), server.version()));
      batch.removed().forEach(has::remove);
    }
  }

  private static Map<String, String> versions(ServedCollection collection) {
    Map<String, String> versions = new HashMap<>();
    collection.servers().forEach(server -> versions.put(server.key(), server.version()));
    return versions;
  }

  @Provide
  Arbitrary<Map<String, String>> contents() {
    return Arbitraries.maps(Arbitraries.of("a", "b", "c", "d", "e", "f"), Arbitraries.of("1", "2"));
  }

  @Property
  void every_listener_ends_with_the_collection_as_it_is(
      @ForAll List<@net.jqwik.api.From("contents") Map<String, String>> states,
      @ForAll List<Boolean> asks) {
    CollectionLog log = new CollectionLog();
    Listener often = new Listener();
    Listener seldom = new Listener();
    ServedCollection last = collection(Map.of());
    log.become(last);
    for (int i = 0; i < states.size(); i++) {
      last = collection(states.get(i));
      log.become(last);
      often.ask(log);
      if (i < asks.size() && asks.get(i)) {
        seldom.ask(log);
      }
    }
    seldom.ask(log);
    often.ask(log);
    assertThat(often.has).isEqualTo(versions(last));
    assertThat(seldom.has).isEqualTo(versions(last));
    assertThat(seldom.ask(log)).isZero();
    // A client that says what it has gets the difference.
    Listener back = new Listener();
    back.has.putAll(versions(states.isEmpty() ? last : collection(states.get(0))));
    back.apply(log.newTo(Map.copyOf(back.has)));
    assertThat(back.has).isEqualTo(versions(last));
  }

  @Property
  void the_version_is_that_of_the_content_whatever_came_before(
      @ForAll("contents") Map<String, String> one, @ForAll("contents") Map<String, String> other) {
    boolean same = collection(one).version().equals(collection(other).version());
    assertThat(same).isEqualTo(one.equals(other));
  }

  @Example
  void a_listener_that_slept_is_told_of_each_server_once() {
    CollectionLog log = new CollectionLog();
    log.become(collection(Map.of("a", "0", "b", "0")));
    Listener listener = new Listener();
    assertThat(listener.ask(log)).isEqualTo(2);
    for (int i = 1; i < 50; i++) {
      log.become(collection(Map.of("a", String.valueOf(i), "b", "0")));
    }
    assertThat(listener.ask(log)).isOne();
    assertThat(listener.has).isEqualTo(versions(collection(Map.of("a", "49", "b", "0"))));
  }

  @Example
  void listeners_that_are_equally_far_share_one_encoding() {
    CollectionLog log = new CollectionLog();
    log.become(collection(Map.of("a", "0")));
    assertThat(log.since(CollectionLog.NOTHING).orElseThrow().encoded("p/"))
        .isSameAs(log.since(CollectionLog.NOTHING).orElseThrow().encoded("p/"));
  }

  @Example
  void servers_that_went_are_not_remembered_for_ever_but_that_is_known() {
    CollectionLog log = new CollectionLog();
    log.become(collection(Map.of("a", "0")));
    long early = log.head();
    for (int i = 0; i < 5_000; i++) {
      log.become(collection(Map.of("a", "0", "n" + i, "0")));
    }
    assertThat(log.forgotSince(early)).isTrue();
    assertThat(log.forgotSince(log.head())).isFalse();
    assertThat(log.forgotSince(CollectionLog.NOTHING)).isFalse();
    assertThat(log.since(early).orElseThrow().removed()).hasSizeLessThan(1_100);
  }
}
