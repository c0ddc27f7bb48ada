package io.bolina.registry.consul;

import io.bolina.runtime.setting.SettingMap;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * How to reach Consul, and how to query it.
 *
 * @param url the HTTP API of an agent, e.g. {@code http://127.0.0.1:8500}; its path, if any, is a
 *     prefix
 * @param token an ACL token; docs/consul-contract.md has the rights it needs
 * @param caFile a PEM file with the certificates to trust instead of the JVM's
 * @param clientCertificate a PEM file with the certificate (and its chain) that a Consul with
 *     {@code verify_incoming} asks for; goes with {@code clientKey}
 * @param clientKey a PEM file with the private key of that certificate, not encrypted
 * @param tlsServerName the name that Consul's certificate must be for, e.g. {@code
 *     server.dc1.consul}, instead of the URL's host; also sent as SNI
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
    Optional<Path> clientCertificate,
    Optional<Path> clientKey,
    Optional<String> tlsServerName,
    Duration longestWait,
    Duration staleBound,
    Duration loadPacing) {

  public static ConsulSettings at(URI url) {
    return new ConsulSettings(
        url,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        SettingMap.DEFAULTS.get(ConsulOptions.WAIT),
        SettingMap.DEFAULTS.get(ConsulOptions.STALE_BOUND),
        SettingMap.DEFAULTS.get(ConsulOptions.LOAD_PACING));
  }

  public ConsulSettings withToken(Optional<String> newToken) {
    return new ConsulSettings(
        url,
        newToken,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        staleBound,
        loadPacing);
  }

  public ConsulSettings withCaFile(Optional<Path> file) {
    return new ConsulSettings(
        url,
        token,
        file,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        staleBound,
        loadPacing);
  }

  /** With a client certificate and its key, or without either. */
  public ConsulSettings withClientCertificate(Optional<Path> certificate, Optional<Path> key) {
    return new ConsulSettings(
        url, token, caFile, certificate, key, tlsServerName, longestWait, staleBound, loadPacing);
  }

  public ConsulSettings withTlsServerName(Optional<String> name) {
    return new ConsulSettings(
        url,
        token,
        caFile,
        clientCertificate,
        clientKey,
        name,
        longestWait,
        staleBound,
        loadPacing);
  }

  public ConsulSettings withWait(Duration newWait) {
    return new ConsulSettings(
        url,
        token,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        newWait,
        staleBound,
        loadPacing);
  }

  public ConsulSettings withStaleBound(Duration bound) {
    return new ConsulSettings(
        url,
        token,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        bound,
        loadPacing);
  }

  public ConsulSettings withLoadPacing(Duration pacing) {
    return new ConsulSettings(
        url,
        token,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        staleBound,
        pacing);
  }

  /** Leaves the token out: this is what a log may show. */
  @Override
  public String toString() {
    return url + (token.isPresent() ? " with an ACL token" : "");
  }
}
