package io.bolina.registry.consul;

import com.orbitz.consul.ConsulException;
import io.bolina.registry.GoneReports;
import io.bolina.registry.model.GoneReport;

/** Says that servers have ended, by a key for each. */
public final class ConsulGoneReports implements GoneReports {
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
          if (!requests.consul().keyValueClient().putValue(key, GoneReportReader.write(report))) {
            throw new ConsulException("Consul did not write " + key);
          }
          return true;
        });
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
    requests.consul().destroy();
  }
}
