package io.bolina.watcher.planning;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A pod with its server, or one of the two alone: a pod whose server is not registered, a server on
 * a plain machine.
 *
 * @param order the order to drain that is in force for its server, or in advance for the pod's name
 * @param note its state explained, in words; may be empty
 */
public record PodServer(
    Optional<ObservedPod> pod,
    Optional<Member> server,
    Optional<DrainOrder> order,
    PodState state,
    String note) {

  /** The pod's name, else the server's id. */
  public String name() {
    return pod.map(ObservedPod::name).orElseGet(() -> server.map(m -> m.server().id()).orElse(""));
  }

  /** Its server's load, if it is known. */
  public Optional<Double> load() {
    return server.flatMap(Member::load).map(LoadReport::load);
  }

  /** Its live sessions, if they are known. */
  public OptionalLong sessions() {
    return server.flatMap(Member::load).map(LoadReport::sessions).orElse(OptionalLong.empty());
  }

  /** The server id that an order for it has: its server's, or the one its server will have. */
  String serverId() {
    return server.map(m -> m.server().id()).orElseGet(this::name);
  }

  /** Whether no session would end with it: its server reports none, or there never was one. */
  boolean hasNoSession() {
    return server.isEmpty() || sessions().equals(OptionalLong.of(0));
  }
}
