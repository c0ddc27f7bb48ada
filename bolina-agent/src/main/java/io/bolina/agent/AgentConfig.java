package io.bolina.agent;

import io.bolina.agent.probe.Probe;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.util.List;

/**
 * An agent's configuration apart from its registry's.
 *
 * @param server the server it speaks for
 * @param listenHost where the server and operators reach it; loopback, or a container's own address
 * @param listenPort a TCP port; 0 lets the system choose
 * @param timeToLive after how long without a word of the agent Consul takes the server for
 *     critical. Default 15 s; health is passed on three times as often
 * @param silence what is made of a server that does not report
 * @param loadGate when a load is worth a write
 * @param drain how long sessions may take to end
 * @param probes what looks at a server that does not report; a report of the server's own goes
 *     before what they find
 */
public record AgentConfig(
    Server server,
    String listenHost,
    int listenPort,
    Duration timeToLive,
    Silence silence,
    LoadGate loadGate,
    Drain drain,
    List<Probe> probes) {

  /** Everything by default, for a server. */
  public static AgentConfig of(Server server) {
    return new AgentConfig(
        server,
        "127.0.0.1",
        7070,
        Duration.ofSeconds(15),
        Silence.DEFAULTS,
        LoadGate.DEFAULTS,
        Drain.DEFAULTS,
        List.of());
  }

  public AgentConfig withListen(String host, int port) {
    return new AgentConfig(server, host, port, timeToLive, silence, loadGate, drain, probes);
  }

  public AgentConfig withTimeToLive(Duration newTimeToLive) {
    return new AgentConfig(
        server, listenHost, listenPort, newTimeToLive, silence, loadGate, drain, probes);
  }

  /** With other times after which a silent server is in warning and critical. */
  public AgentConfig withSilence(Duration warningAfter, Duration criticalAfter) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        new Silence(warningAfter, criticalAfter, silence.atStart()),
        loadGate,
        drain,
        probes);
  }

  /** With what a server counts as until its first report. */
  public AgentConfig withHealthAtStart(Health health) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        new Silence(silence.warningAfter(), silence.criticalAfter(), health),
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
        new LoadGate(deadBand, interval, loadGate.thresholds()),
        drain,
        probes);
  }

  public AgentConfig withDrainTime(Duration longest) {
    return new AgentConfig(
        server, listenHost, listenPort, timeToLive, silence, loadGate, new Drain(longest), probes);
  }

  public AgentConfig withProbes(List<Probe> newProbes) {
    return new AgentConfig(
        server, listenHost, listenPort, timeToLive, silence, loadGate, drain, newProbes);
  }
}
