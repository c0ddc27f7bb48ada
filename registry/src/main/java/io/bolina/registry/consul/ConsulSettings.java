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
 *     prefix. Without a user and password: it is shown
 * @param login {@code user:password} for HTTP basic authentication
 * @param token an ACL token; docs/consul-contract.md has the rights it needs
 * @param tokenFile the file that the token was read from, and is read from again; not with {@code
 *     token} alone
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
 * @param limits what an answer may have at most
 */
public record ConsulSettings(
    URI url,
    Optional<String> login,
    Optional<String> token,
    Optional<Path> tokenFile,
    Optional<Path> caFile,
    Optional<Path> clientCertificate,
    Optional<Path> clientKey,
    Optional<String> tlsServerName,
    Duration longestWait,
    Duration staleBound,
    Duration loadPacing,
    AnswerLimits limits) {

  /** A user and password in the URL go to {@link #login}. */
  public ConsulSettings {
    String userInfo = url.getUserInfo();
    if (userInfo != null) {
      login = Optional.of(userInfo);
      url = ConsulOptions.withoutLogin(url);
    }
  }

  public static ConsulSettings at(URI url) {
    return new ConsulSettings(
        url,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        SettingMap.DEFAULTS.get(ConsulOptions.WAIT),
        SettingMap.DEFAULTS.get(ConsulOptions.STALE_BOUND),
        SettingMap.DEFAULTS.get(ConsulOptions.LOAD_PACING),
        AnswerLimits.of(SettingMap.DEFAULTS));
  }

  public ConsulSettings withToken(Optional<String> newToken) {
    return new ConsulSettings(
        url,
        login,
        newToken,
        tokenFile,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        staleBound,
        loadPacing,
        limits);
  }

  /** With the file that the token comes from. */
  public ConsulSettings withTokenFile(Optional<Path> file) {
    return new ConsulSettings(
        url,
        login,
        token,
        file,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        staleBound,
        loadPacing,
        limits);
  }

  public ConsulSettings withCaFile(Optional<Path> file) {
    return new ConsulSettings(
        url,
        login,
        token,
        tokenFile,
        file,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        staleBound,
        loadPacing,
        limits);
  }

  /** With a client certificate and its key, or without either. */
  public ConsulSettings withClientCertificate(Optional<Path> certificate, Optional<Path> key) {
    return new ConsulSettings(
        url,
        login,
        token,
        tokenFile,
        caFile,
        certificate,
        key,
        tlsServerName,
        longestWait,
        staleBound,
        loadPacing,
        limits);
  }

  public ConsulSettings withTlsServerName(Optional<String> name) {
    return new ConsulSettings(
        url,
        login,
        token,
        tokenFile,
        caFile,
        clientCertificate,
        clientKey,
        name,
        longestWait,
        staleBound,
        loadPacing,
        limits);
  }

  public ConsulSettings withWait(Duration newWait) {
    return new ConsulSettings(
        url,
        login,
        token,
        tokenFile,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        newWait,
        staleBound,
        loadPacing,
        limits);
  }

  public ConsulSettings withStaleBound(Duration bound) {
    return new ConsulSettings(
        url,
        login,
        token,
        tokenFile,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        bound,
        loadPacing,
        limits);
  }

  public ConsulSettings withLoadPacing(Duration pacing) {
    return new ConsulSettings(
        url,
        login,
        token,
        tokenFile,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        staleBound,
        pacing,
        limits);
  }

  public ConsulSettings withLimits(AnswerLimits newLimits) {
    return new ConsulSettings(
        url,
        login,
        token,
        tokenFile,
        caFile,
        clientCertificate,
        clientKey,
        tlsServerName,
        longestWait,
        staleBound,
        loadPacing,
        newLimits);
  }

  /** Leaves all secrets out: this is what a log may show. */
  @Override
  public String toString() {
    return url + (token.isPresent() ? " with an ACL token" : "");
  }
}
