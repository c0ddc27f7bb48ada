package io.bolina.controlplane.resources;

import com.google.protobuf.Value;
import io.envoyproxy.envoy.config.core.v3.Node;
import java.util.OptionalLong;

/**
 * Which one an Envoy is of those that follow one another by hot restart: the supervisor counts them
 * and says so in the node's metadata (docs/hot-restart.md). While one hands over to the next, both
 * are connected, with one node id.
 */
public final class RestartEpoch {
  /** The key of the node's metadata; deploy/envoy/supervisor.c writes it. */
  private static final String METADATA = "bolina.restart-epoch";

  private static final Value NOT_SAID = Value.getDefaultInstance();

  private RestartEpoch() {}

  /** Empty if it does not say, as one without a supervisor. */
  public static OptionalLong of(Node node) {
    String text = node.getMetadata().getFieldsOrDefault(METADATA, NOT_SAID).getStringValue();
    return text.matches("[0-9]{1,9}")
        ? OptionalLong.of(Long.parseLong(text))
        : OptionalLong.empty();
  }
}
