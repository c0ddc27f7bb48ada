package io.bolina.registry.consul;

import com.orbitz.consul.ConsulException;
import com.orbitz.consul.KeyValueClient;
import com.orbitz.consul.model.session.ImmutableSession;
import io.bolina.registry.GoneReports;
import io.bolina.registry.model.GoneReport;
import java.time.Duration;
import java.util.Optional;

/**
 * Says that servers have ended, by a key for each. A key disappears one to two hours after it was
 * written, by a session that nobody renews; without the right to open one it stays until somebody
 * deletes it.
 */
public final class ConsulGoneReports implements GoneReports {
  private static final Duration KEPT = Duration.ofHours(1);

  private final ConsulRequests requests;

  public ConsulGoneReports(ConsulSettings settings) {
    this.requests = new ConsulRequests(settings);
  }

  @Override
  public void report(String service, String serverId, GoneReport report) {
    String key = GoneReportReader.prefix(service) + serverId;
    requests.make(
        "report '" + serverId + "' gone",
        "key:write on '" + key + "'",
        () -> {
          KeyValueClient keys = requests.consul().keyValueClient();
          String entry = GoneReportReader.write(report);
          Optional<String> session = session(serverId);
          keys.deleteKey(key); // an earlier report is held by another session
          boolean written =
              session.isPresent()
                  ? keys.acquireLock(key, entry, session.get())
                  : keys.putValue(key, entry);
          if (!written) {
            throw new ConsulException("Consul did not write " + key);
          }
          return true;
        });
  }

  private Optional<String> session(String serverId) {
    try {
      return Optional.of(
          requests
              .consul()
              .sessionClient()
              .createSession(
                  ImmutableSession.builder()
                      .name("gone " + serverId)
                      .ttl(KEPT.toSeconds() + "s")
                      .behavior("delete")
                      .lockDelay("0s")
                      .build())
              .getId());
    } catch (ConsulException e) {
      if (e.getCode() == 403) {
        return Optional.empty();
      }
      throw e;
    }
  }

  @Override
  public void withdraw(String service, String serverId) {
    String key = GoneReportReader.prefix(service) + serverId;
    requests.make(
        "withdraw the report that '" + serverId + "' is gone",
        "key:write on '" + key + "'",
        () -> {
          requests.consul().keyValueClient().deleteKey(key);
          return true;
        });
  }

  @Override
  public void close() {
    requests.close();
  }
}
