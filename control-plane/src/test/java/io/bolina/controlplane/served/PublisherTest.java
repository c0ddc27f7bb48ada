package io.bolina.controlplane.served;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PublisherTest {
  private static final Duration WINDOW = Duration.ofHours(1);

  private final List<Collection<ServedItem>> sent = new CopyOnWriteArrayList<>();
  private final AtomicLong now = new AtomicLong();
  private Publisher publisher;

  @AfterEach
  void close() {
    publisher.close();
  }

  private static ServedResource resource(String name) {
    return ServedResource.of(name, ClusterLoadAssignment.newBuilder().setClusterName(name).build());
  }

  private void sent(int batches) {
    await().until(() -> sent.size() == batches);
  }

  @Test
  void the_first_change_goes_at_once_and_later_ones_wait_for_the_window() {
    publisher = new Publisher(WINDOW, sent::add, now::get);
    publisher.publish(List.of(resource("a")), false);
    sent(1);
    publisher.publish(List.of(resource("b")), false);
    publisher.publish(List.of(resource("c")), false);
    now.addAndGet(WINDOW.toNanos());
    publisher.publish(List.of(resource("d")), false);
    sent(2);
    assertThat(sent.get(1)).extracting(ServedItem::name).containsExactly("b", "c", "d");
  }

  @Test
  void what_waits_goes_when_the_window_ends() {
    publisher = new Publisher(Duration.ofMillis(200), sent::add);
    publisher.publish(List.of(resource("a")), false);
    sent(1);
    publisher.publish(List.of(resource("b")), false);
    sent(2);
  }

  @Test
  void closing_a_server_waits_for_no_other_change_and_takes_along_what_waits() {
    publisher = new Publisher(WINDOW, sent::add, now::get);
    publisher.publish(List.of(resource("a")), false);
    sent(1);
    publisher.publish(List.of(resource("b")), false);
    publisher.publish(List.of(resource("c")), true);
    sent(2);
    assertThat(sent.get(1)).extracting(ServedItem::name).containsExactly("b", "c");
  }

  @Test
  void closing_one_after_the_other_is_coalesced_too() {
    publisher = new Publisher(WINDOW, sent::add, now::get);
    publisher.publish(List.of(resource("a")), true);
    sent(1);
    publisher.publish(List.of(resource("b")), true);
    now.addAndGet(WINDOW.toNanos());
    publisher.publish(List.of(resource("c")), true);
    sent(2);
    assertThat(sent.get(1)).extracting(ServedItem::name).containsExactly("b", "c");
  }

  @Test
  void of_a_resource_that_changes_often_only_the_newest_goes_when_the_window_ends() {
    publisher = new Publisher(WINDOW, sent::add, now::get);
    publisher.publish(List.of(resource("a")), false);
    sent(1);
    ServedResource newest = null;
    for (int i = 0; i < 10; i++) {
      if (i == 9) {
        now.addAndGet(WINDOW.toNanos());
      }
      newest =
          ServedResource.of(
              "a",
              ClusterLoadAssignment.newBuilder()
                  .setClusterName("a")
                  .putNamedEndpoints(
                      "n" + i, io.envoyproxy.envoy.config.endpoint.v3.Endpoint.getDefaultInstance())
                  .build());
      publisher.publish(List.of(newest), false);
    }
    sent(2);
    assertThat(sent.get(1)).containsExactly(newest);
  }

  @Test
  void a_receiver_that_throws_gets_the_next_change() {
    publisher =
        new Publisher(
            Duration.ZERO,
            batch -> {
              sent.add(batch);
              throw new IllegalStateException("for the test");
            });
    publisher.publish(List.of(resource("a")), false);
    sent(1);
    publisher.publish(List.of(resource("b")), false);
    sent(2);
  }
}
