package io.bolina.controlplane.identity;

import io.bolina.runtime.FailureReason;
import io.bolina.runtime.Telemetry;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.netty.handler.ssl.ClientAuth;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.micrometer.core.instrument.Gauge;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificates of the xDS port. Their files are looked at every second, by content, since what
 * replaces files does it in many ways; a connection is made with what was read last, and one that
 * is up stays. Files that do not fit together, are expired or gone change nothing: the last good
 * ones stay in force, and the log says what is wrong.
 */
public final class ServerCertificates implements AutoCloseable {
  private static final Duration LOOK = Duration.ofSeconds(1);
  private static final Logger log = LoggerFactory.getLogger(ServerCertificates.class);

  private final TlsFiles files;
  private final Clock clock;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread t = new Thread(task, "xds-certificates");
            t.setDaemon(true);
            return t;
          });
  private Future<?> looking = CompletableFuture.completedFuture(null);

  /** Of the thread that looks: what was read last, and what of it was found wrong. */
  private String seen = "";

  private String wrong = "";
  private boolean said;

  /**
   * Whatever was made of the files last. Sessions are not resumed across two of these, so that
   * nobody comes back by what a CA vouched for that is not trusted any more.
   */
  private volatile SslContext context;

  private volatile Instant expires = Instant.EPOCH;
  private volatile boolean good = true;

  public ServerCertificates(TlsFiles files, Telemetry telemetry) {
    this.files = files;
    this.clock = telemetry.clock();
    Gauge.builder("bolina.xds.certificate.valid", this, c -> c.good ? 1 : 0)
        .description("0 while the files of the xDS port's certificate, key and CA are unusable")
        .register(telemetry.meters());
    Gauge.builder("bolina.xds.certificate.seconds.left", this, ServerCertificates::secondsLeft)
        .description("Until the xDS port's certificate expires")
        .register(telemetry.meters());
  }

  private double secondsLeft() {
    return Duration.between(clock.instant(), expires).toSeconds();
  }

  /**
   * Reads the files, and goes on to look for changes. An expired certificate is used while there is
   * no other.
   *
   * @throws IOException if they cannot be used; the message says why
   */
  public void open() throws IOException {
    try {
      seen = files.fingerprint();
      use(files.read());
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
    if (isExpired(expires)) {
      log.atWarn()
          .addKeyValue("files", files)
          .addKeyValue("expired", expires)
          .log("xds certificate is expired; Envoys will not trust it");
    }
    looking =
        thread.scheduleWithFixedDelay(
            this::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** What a connection is to be made with now. */
  public SslContext context() {
    return context;
  }

  private boolean isExpired(Instant at) {
    return !at.isAfter(clock.instant());
  }

  private void look() {
    try {
      String now = files.fingerprint();
      if (now.equals(seen)) {
        return;
      }
      TlsFiles.Content content = files.read();
      Instant until = content.own().expires();
      if (isExpired(until) && !isExpired(expires)) {
        invalid(now, "the certificate in " + files.certificate().path() + " expired at " + until);
        return;
      }
      use(content);
      seen = now;
      wrong = "";
      good = true;
      log.atInfo()
          .addKeyValue("files", files)
          .addKeyValue("expires", until)
          .log("xds certificates loaded");
    } catch (IllegalArgumentException e) {
      invalid(FailureReason.of(e), FailureReason.of(e));
    } catch (RuntimeException e) {
      log.atError()
          .addKeyValue("files", files)
          .setCause(e)
          .log("xds certificates could not be applied; last valid ones stay in force");
    }
  }

  /** Said when it is still so at the next look: files that are being replaced are no news. */
  private void invalid(String what, String why) {
    if (!what.equals(wrong)) {
      wrong = what;
      said = false;
    } else if (!said) {
      said = true;
      good = false;
      log.atWarn()
          .addKeyValue("files", files)
          .addKeyValue("reason", why)
          .log("xds certificates invalid; last valid ones stay in force");
    }
  }

  private void use(TlsFiles.Content content) {
    try {
      SslContextBuilder builder =
          GrpcSslContexts.configure(
                  SslContextBuilder.forServer(
                      content.own().key(), content.own().chain().toArray(X509Certificate[]::new)))
              .protocols("TLSv1.3", "TLSv1.2");
      if (!content.clientCas().isEmpty()) {
        builder
            .clientAuth(ClientAuth.REQUIRE)
            .trustManager(content.clientCas().toArray(X509Certificate[]::new));
      }
      context = builder.build();
      expires = content.own().expires();
    } catch (IOException e) {
      throw new IllegalArgumentException(
          files.certificate().setting() + ": cannot be used for TLS: " + FailureReason.of(e), e);
    }
  }

  @Override
  public void close() {
    looking.cancel(false);
    thread.shutdownNow();
  }
}
