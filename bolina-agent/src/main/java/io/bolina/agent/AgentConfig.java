package io.bolina.agent;

import io.bolina.agent.probe.Probe;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.util.List;

/**
 * An agent's configuration apart from its registry's.
 *
 * @param server the server that it registers
 * @param listenHost where the server reports to and operators ask; loopback, or a container's own
 *     address
 * @param listenPort a TCP port; 0 lets the system choose
 * @param timeToLive after how long without a write of the agent Consul turns the server critical.
 *     Default 15 s; health is written three times as often
 * @param silence by when the server must report, and its health if it does not
 * @param loadGate when a load is worth a write
 * @param drain how long sessions may take to end
 * @param probes what checks a server that does not report; a report of the server's own takes
 *     precedence over their results
 */
public record AgentConfig(
    Server server,
    String listenHost,
    int listenPort,
    Duration timeToLive,
    ReportDeadlines silence,
    LoadWritePolicy loadGate,
    DrainPolicy drain,
    List<Probe> probes) {

  /** Everything by default, for a server. */
  public static AgentConfig of(Server server) {
    return new AgentConfig(
        server,
        "127.0.0.1",
        7070,
        Duration.ofSeconds(15),
        ReportDeadlines.DEFAULTS,
        LoadWritePolicy.DEFAULTS,
        DrainPolicy.DEFAULTS,
        List.of());
  }

  public AgentConfig withListen(String host, int port) {
    return new AgentConfig(server, host, port, timeToLive, silence, loadGate, drain, probes);
  }

  public AgentConfig withTimeToLive(Duration newTimeToLive) {
    return new AgentConfig(
        server, listenHost, listenPort, newTimeToLive, silence, loadGate, drain, probes);
  }

  /** With other times after which a server that does not report is in warning and critical. */
  public AgentConfig withSilence(Duration warningAfter, Duration criticalAfter) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        new ReportDeadlines(warningAfter, criticalAfter, silence.atStart()),
        loadGate,
        drain,
        probes);
  }

  /** With another health until the server's first report. */
  public AgentConfig withHealthAtStart(Health health) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        new ReportDeadlines(silence.warningAfter(), silence.criticalAfter(), health),
        loadGate,
        drain,
        probes);
  }

  /** With another dead band and interval of the load. */
  public AgentConfig withLoadGate(double deadBand, Duration interval) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        silence,
        new LoadWritePolicy(deadBand, interval, loadGate.thresholds()),
        drain,
        probes);
  }

  /** With other loads at which a server is overloaded and its weight changes. */
  public AgentConfig withThresholds(LoadThresholds thresholds) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        silence,
        new LoadWritePolicy(loadGate.deadBand(), loadGate.interval(), thresholds),
        drain,
        probes);
  }

  public AgentConfig withDrainTime(Duration longest) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        silence,
        loadGate,
        new DrainPolicy(longest),
        probes);
  }

  public AgentConfig withProbes(List<Probe> newProbes) {
    return new AgentConfig(
        server, listenHost, listenPort, timeToLive, silence, loadGate, drain, newProbes);
  }
}
