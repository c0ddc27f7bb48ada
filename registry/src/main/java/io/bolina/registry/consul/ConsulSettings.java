package io.bolina.registry.consul;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * How to reach Consul, and how to ask it.
 *
 * @param url the HTTP API of an agent, e.g. {@code http://127.0.0.1:8500}; its path, if any, is a
 *     prefix
 * @param token an ACL token; docs/consul-contract.md has the rights it needs
 * @param caFile a PEM file with the certificates to trust instead of the JVM's
 * @param longestWait how long Consul may hold a blocking query. Default 60 s; Consul allows 10 min
 *     at most
 * @param staleBound how old an answer of a Consul server that is not the leader may be. Default 10
 *     s
 * @param loadPacing the least time between two queries for load in the long run. Default 500 ms
 */
public record ConsulSettings(
    URI url,
    Optional<String> token,
    Optional<Path> caFile,
    Duration longestWait,
    Duration staleBound,
    Duration loadPacing) {

  public static ConsulSettings at(URI url) {
    return new ConsulSettings(
        url,
        Optional.empty(),
        Optional.empty(),
        Duration.ofSeconds(60),
        Duration.ofSeconds(10),
        Duration.ofMillis(500));
  }

  public ConsulSettings withToken(Optional<String> newToken) {
    return new ConsulSettings(url, newToken, caFile, longestWait, staleBound, loadPacing);
  }

  public ConsulSettings withCaFile(Optional<Path> file) {
    return new ConsulSettings(url, token, file, longestWait, staleBound, loadPacing);
  }

  public ConsulSettings withWait(Duration newWait) {
    return new ConsulSettings(url, token, caFile, newWait, staleBound, loadPacing);
  }

  /** Leaves the token out: this is what a log may show. */
  @Override
  public String toString() {
    return url + (token.isPresent() ? " with an ACL token" : "");
  }
}
