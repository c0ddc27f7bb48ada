package io.bolina.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Clients, and what a test expects of them. */
public final class Crowd {
  private final Clients clients;

  public Crowd(Sandbox sandbox) throws IOException {
    this.clients = sandbox.clients();
  }

  public Clients clients() {
    return clients;
  }

  /** New clients arrive; every one is answered. */
  public List<SimulatedClient> arrive(int count) throws IOException, InterruptedException {
    List<SimulatedClient> arrived = clients.arrive(count);
    talk(arrived);
    return arrived;
  }

  /** New clients arrive and are answered by these servers, by each of them. */
  public void arriveOn(int count, String... servers) throws IOException, InterruptedException {
    assertThat(Clients.byServer(arrive(count)).keySet())
        .as("servers that new clients reached")
        .isEqualTo(Set.of(servers));
  }

  /** Every client so far is answered, on the connection it had. */
  public void allStay() throws IOException, InterruptedException {
    talk(clients.all());
    assertThat(clients.breaks()).as("broken connections").isEmpty();
  }

  /** How many of all clients are on each server. */
  public Map<String, Integer> byServer() {
    return Clients.byServer(clients.all());
  }

  private void talk(List<SimulatedClient> some) throws IOException, InterruptedException {
    List<SimulatedClient> silent = clients.talk(some, Patience.LONG);
    assertThat(silent.stream().map(SimulatedClient::number))
        .as("clients without an answer after " + Patience.LONG)
        .isEmpty();
  }
}
