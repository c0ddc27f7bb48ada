package io.bolina.controlplane.stream;

import io.bolina.controlplane.stream.EnvoyStatus.Refusal;
import io.bolina.controlplane.stream.EnvoyStatus.TypeStatus;
import java.util.Optional;

/** What one stream was sent last of one type, and what became of it. */
final class Answers {
  private volatile String sent = "";
  private volatile String acknowledged = "";
  private volatile Optional<Refusal> refused = Optional.empty();

  /** The Envoy says that it already has something. */
  void has(String version) {
    sent = version;
    acknowledged = version;
  }

  void sent(String version) {
    sent = version;
  }

  void acknowledged(String version) {
    acknowledged = version;
    refused = Optional.empty();
  }

  void refused(Refusal refusal) {
    refused = Optional.of(refusal);
  }

  TypeStatus status() {
    return new TypeStatus(sent, acknowledged, refused);
  }
}
