package io.bolina.controlplane.peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.runtime.HostPort;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/**
 * The other replicas, asked at their admin pages whether they see the registry. A name stands for
 * all its addresses, looked up anew each time, and this replica may be among them.
 */
final class Peers {
  /** Of more addresses, the rest are not asked. */
  private static final int MOST = 32;

  private static final int LONGEST_ANSWER = 4_096;
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final JsonMapper JSON = new JsonMapper();

  private final List<HostPort> peers;
  private final String self = UUID.randomUUID().toString();
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(PATIENCE)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  Peers(List<HostPort> peers) {
    this.peers = List.copyOf(peers);
  }

  /**
   * What this replica answers to others.
   *
   * @param sees whether it sees the registry and has something to serve
   * @param silence how long ago the registry last answered
   */
  String answer(boolean sees, Duration silence) {
    return JSON.createObjectNode()
            .put("replica", self)
            .put("seesRegistry", sees)
            .put("lastAnswerMillis", silence.toMillis())
        + "\n";
  }

  /**
   * Asks all others, this replica left out; takes a second at most, beside looking up names.
   *
   * @param blindFor how long this replica has not seen the registry
   */
  List<PeerView> ask(Duration blindFor) {
    List<CompletableFuture<Optional<PeerView>>> answers = new ArrayList<>();
    List<PeerView> views = new ArrayList<>();
    Set<HostPort> addresses = new LinkedHashSet<>();
    for (HostPort peer : peers) {
      try {
        for (InetAddress address : InetAddress.getAllByName(peer.host())) {
          addresses.add(new HostPort(address.getHostAddress(), peer.port()));
        }
      } catch (UnknownHostException e) {
        views.add(PeerView.UNREACHABLE);
      }
    }
    addresses.stream().limit(MOST).forEach(at -> answers.add(ask(at, blindFor)));
    for (CompletableFuture<Optional<PeerView>> answer : answers) {
      answer.join().ifPresent(views::add);
    }
    return views;
  }

  /** Empty if it is this replica. */
  private CompletableFuture<Optional<PeerView>> ask(HostPort at, Duration blindFor) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://" + at + SightMonitor.PAGE))
            .timeout(PATIENCE)
            .build();
    return http.sendAsync(request, HttpResponse.BodyHandlers.ofInputStream())
        .thenApply(response -> view(response, blindFor))
        .completeOnTimeout(
            Optional.of(PeerView.UNREACHABLE), PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
        .exceptionally(e -> Optional.of(PeerView.UNREACHABLE));
  }

  private Optional<PeerView> view(HttpResponse<InputStream> response, Duration blindFor) {
    try (InputStream body = response.body()) {
      JsonNode answer = JSON.readTree(body.readNBytes(LONGEST_ANSWER));
      if (answer == null || !answer.path("seesRegistry").isBoolean()) {
        return Optional.of(PeerView.UNREACHABLE); // some other program, or an earlier version
      }
      if (answer.path("replica").asText("").equals(self)) {
        return Optional.empty();
      }
      if (!answer.path("seesRegistry").asBoolean()) {
        return Optional.of(PeerView.BLIND);
      }
      boolean proven = answer.path("lastAnswerMillis").asLong(0) < blindFor.toMillis();
      return Optional.of(proven ? PeerView.SEES : PeerView.UNPROVEN);
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }
}
