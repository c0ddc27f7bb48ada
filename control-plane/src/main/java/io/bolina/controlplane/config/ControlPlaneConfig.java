package io.bolina.controlplane.config;

import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.resources.ProxySettings;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.runtime.HostPort;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A control plane's configuration apart from its registry's.
 *
 * @param services the services to serve, each with its own listener
 * @param xds where Envoys connect
 * @param admin where the admin pages are
 * @param stateDir where the last good fleets are kept; without it a restart needs the registry
 * @param coalesce how long changes are gathered after one has gone out. Default 50 ms
 * @param gateRules the file with the gate's rules; without it there are none, nor orders
 * @param endpointDelivery how Envoys are told of servers. Default LEDS
 */
public record ControlPlaneConfig(
    List<UdpService> services,
    HostPort xds,
    HostPort admin,
    Optional<Path> stateDir,
    FleetSettings fleet,
    AdmissionSettings admission,
    ProxySettings proxy,
    Duration coalesce,
    Optional<Path> gateRules,
    EndpointDelivery endpointDelivery) {

  /** Everything by default, for some services. */
  public static ControlPlaneConfig of(List<UdpService> services) {
    return new ControlPlaneConfig(
        services,
        HostPort.parse("127.0.0.1:18000"),
        HostPort.parse("127.0.0.1:18080"),
        Optional.empty(),
        FleetSettings.DEFAULTS,
        AdmissionSettings.DEFAULTS,
        ProxySettings.DEFAULTS,
        Duration.ofMillis(50),
        Optional.empty(),
        EndpointDelivery.LEDS);
  }

  public ControlPlaneConfig withServices(List<UdpService> newServices) {
    return new ControlPlaneConfig(
        newServices,
        xds,
        admin,
        stateDir,
        fleet,
        admission,
        proxy,
        coalesce,
        gateRules,
        endpointDelivery);
  }

  public ControlPlaneConfig withXds(HostPort newXds) {
    return new ControlPlaneConfig(
        services,
        newXds,
        admin,
        stateDir,
        fleet,
        admission,
        proxy,
        coalesce,
        gateRules,
        endpointDelivery);
  }

  public ControlPlaneConfig withAdmin(HostPort newAdmin) {
    return new ControlPlaneConfig(
        services,
        xds,
        newAdmin,
        stateDir,
        fleet,
        admission,
        proxy,
        coalesce,
        gateRules,
        endpointDelivery);
  }

  public ControlPlaneConfig withStateDir(Path directory) {
    return new ControlPlaneConfig(
        services,
        xds,
        admin,
        Optional.of(directory),
        fleet,
        admission,
        proxy,
        coalesce,
        gateRules,
        endpointDelivery);
  }

  public ControlPlaneConfig withFleet(FleetSettings newFleet) {
    return new ControlPlaneConfig(
        services,
        xds,
        admin,
        stateDir,
        newFleet,
        admission,
        proxy,
        coalesce,
        gateRules,
        endpointDelivery);
  }

  public ControlPlaneConfig withAdmission(AdmissionSettings newAdmission) {
    return new ControlPlaneConfig(
        services,
        xds,
        admin,
        stateDir,
        fleet,
        newAdmission,
        proxy,
        coalesce,
        gateRules,
        endpointDelivery);
  }

  public ControlPlaneConfig withProxy(ProxySettings newProxy) {
    return new ControlPlaneConfig(
        services,
        xds,
        admin,
        stateDir,
        fleet,
        admission,
        newProxy,
        coalesce,
        gateRules,
        endpointDelivery);
  }

  public ControlPlaneConfig withGateRules(Path file) {
    return new ControlPlaneConfig(
        services,
        xds,
        admin,
        stateDir,
        fleet,
        admission,
        proxy,
        coalesce,
        Optional.of(file),
        endpointDelivery);
  }

  public ControlPlaneConfig withEndpointDelivery(EndpointDelivery delivery) {
    return new ControlPlaneConfig(
        services, xds, admin, stateDir, fleet, admission, proxy, coalesce, gateRules, delivery);
  }
}
