package io.bolina.launcher;

import io.bolina.registry.consul.ConsulSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How to reach Consul: the options that several commands share. */
final class ConsulOptions {
  @Option(
      names = "--consul",
      paramLabel = "URL",
      defaultValue = "${env:CONSUL_HTTP_ADDR:-http://127.0.0.1:8500}",
      description = "HTTP API of the local Consul agent. Default: ${DEFAULT-VALUE}.")
  private URI consul;

  @Option(
      names = "--consul-token-file",
      paramLabel = "FILE",
      description = "A file with the ACL token; else the environment variable CONSUL_HTTP_TOKEN.")
  private Path tokenFile;

  @Option(
      names = "--consul-ca-file",
      paramLabel = "FILE",
      description = "PEM file with the CA certificates that Consul's certificate must come from.")
  private Path caFile;

  /**
   * What they say.
   *
   * @throws IOException if the token's file cannot be read
   */
  ConsulSettings settings() throws IOException {
    Optional<String> token =
        tokenFile == null
            ? Optional.ofNullable(System.getenv("CONSUL_HTTP_TOKEN")).filter(t -> !t.isBlank())
            : Optional.of(Files.readString(tokenFile).strip());
    return ConsulSettings.at(consul).withToken(token).withCaFile(Optional.ofNullable(caFile));
  }
}
