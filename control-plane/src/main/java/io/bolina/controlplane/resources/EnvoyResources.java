package io.bolina.controlplane.resources;

import com.github.xds.core.v3.TypedExtensionConfig;
import com.github.xds.type.matcher.v3.Matcher;
import com.google.protobuf.Any;
import com.google.protobuf.BoolValue;
import com.google.protobuf.Struct;
import com.google.protobuf.UInt32Value;
import com.google.protobuf.UInt64Value;
import com.google.protobuf.Value;
import com.google.protobuf.util.Durations;
import io.bolina.controlplane.admission.Decision;
import io.envoyproxy.envoy.config.cluster.v3.CircuitBreakers;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.core.v3.Address;
import io.envoyproxy.envoy.config.core.v3.AggregatedConfigSource;
import io.envoyproxy.envoy.config.core.v3.ApiVersion;
import io.envoyproxy.envoy.config.core.v3.ConfigSource;
import io.envoyproxy.envoy.config.core.v3.HealthStatus;
import io.envoyproxy.envoy.config.core.v3.Metadata;
import io.envoyproxy.envoy.config.core.v3.SocketAddress;
import io.envoyproxy.envoy.config.core.v3.UdpSocketConfig;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.endpoint.v3.Endpoint;
import io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import io.envoyproxy.envoy.config.endpoint.v3.LedsClusterLocalityConfig;
import io.envoyproxy.envoy.config.endpoint.v3.LocalityLbEndpoints;
import io.envoyproxy.envoy.config.listener.v3.Listener;
import io.envoyproxy.envoy.config.listener.v3.ListenerFilter;
import io.envoyproxy.envoy.config.listener.v3.UdpListenerConfig;
import io.envoyproxy.envoy.extensions.filters.udp.udp_proxy.v3.Route;
import io.envoyproxy.envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig;
import io.envoyproxy.envoy.type.v3.Percent;
import java.util.List;
import java.util.OptionalInt;

/**
 * The cluster, listener and load assignment of a service. Cluster and listener depend on
 * configuration alone, so that nothing a server does can change them: a changed cluster or listener
 * re-creates every session.
 */
public final class EnvoyResources {
  /**
   * So high that Envoy never counts on DEGRADED (closed) servers for new clients, however few are
   * open. The default of 140 spills over as soon as fewer than 72 % are.
   */
  private static final int NEVER_SPILL_OVER = 1_000_000;

  private static final String TOKEN_PREFIX = "bolina-tokens.";

  private static final Value CLOSED = Value.newBuilder().setBoolValue(true).build();

  private final ProxySettings settings;
  private final OptionalInt healthCheckPort;

  public EnvoyResources(ProxySettings settings) {
    this(settings, OptionalInt.empty());
  }

  private EnvoyResources(ProxySettings settings, OptionalInt healthCheckPort) {
    this.settings = settings;
    this.healthCheckPort = healthCheckPort;
  }

  /**
   * The same, whose servers are those of a service: they are checked at the port that its health
   * check names.
   */
  public EnvoyResources ofServersOf(UdpService service) {
    return new EnvoyResources(
        settings, service.healthCheck().map(ActiveHealthCheck::port).orElse(OptionalInt.empty()));
  }

  public Cluster cluster(UdpService service) {
    UInt32Value sessions = UInt32Value.of(settings.maxSessions());
    Cluster.Builder cluster =
        Cluster.newBuilder()
            .setName(service.name())
            .setType(Cluster.DiscoveryType.EDS)
            .setEdsClusterConfig(
                Cluster.EdsClusterConfig.newBuilder()
                    .setServiceName(service.name())
                    .setEdsConfig(overAds()))
            .setLbPolicy(Cluster.LbPolicy.MAGLEV)
            .setCommonLbConfig(
                Cluster.CommonLbConfig.newBuilder()
                    // No panic: with every server closed, a new client gets none rather than a
                    // critical
                    // one.
                    .setHealthyPanicThreshold(Percent.newBuilder().setValue(0))
                    // A server closes at once, not when a window of merged updates ends.
                    .setUpdateMergeWindow(Durations.ZERO))
            .setCircuitBreakers(
                CircuitBreakers.newBuilder()
                    .addThresholds(
                        CircuitBreakers.Thresholds.newBuilder()
                            .setMaxConnections(sessions)
                            .setMaxPendingRequests(sessions)
                            .setMaxRequests(sessions)));
    service
        .healthCheck()
        .ifPresent(
            check ->
                cluster
                    .addHealthChecks(check.message())
                    // Otherwise a server that is given up stays for as long as it passes.
                    .setIgnoreHealthOnHostRemoval(true));
    return cluster.build();
  }

  /**
   * The cluster for an Envoy whose module chooses the servers. The module's settings never change:
   * another policy re-creates every session.
   */
  public Cluster tokenCluster(UdpService service) {
    String name = tokenName(service.name());
    Cluster.Builder cluster = cluster(service).toBuilder();
    cluster
        .setName(name)
        .setAltStatName(service.name())
        .clearLbPolicy()
        .setLoadBalancingPolicy(GateResources.tokenPolicy(service.name()))
        .getEdsClusterConfigBuilder()
        .setServiceName(name);
    return cluster.build();
  }

  /**
   * The name of what only an Envoy gets whose module chooses the servers: its cluster, load
   * assignment and collection. In them closed servers are healthy and only marked as closed, so
   * that an Envoy without the module must never have them.
   */
  public static String tokenName(String service) {
    return TOKEN_PREFIX + service;
  }

  public Listener listener(UdpService service) {
    return listener(service, service.name(), false, false);
  }

  /**
   * The listener.
   *
   * @param each whether the cluster's policy is asked for the server of each datagram
   * @param gro whether it takes merged datagrams apart where the service does not say so. Envoy
   *     always asks the kernel for merged ones (UDP_GRO), and drops them without this. Not so for
   *     listeners that Envoys had before there was the setting: a changed one re-creates every
   *     session.
   */
  private Listener listener(UdpService service, String cluster, boolean each, boolean gro) {
    UdpSocketConfig socket =
        UdpSocketConfig.newBuilder()
            .setMaxRxDatagramSize(UInt64Value.of(settings.maxDatagramSize()))
            .build();
    UdpSocketConfig.Builder downstream = socket.toBuilder();
    if (service.preferGro().orElse(gro)) {
      downstream.setPreferGro(BoolValue.of(true));
    }
    UdpProxyConfig.Builder proxy =
        UdpProxyConfig.newBuilder()
            .setStatPrefix(service.name())
            .setMatcher(
                Matcher.newBuilder()
                    .setOnNoMatch(
                        Matcher.OnMatch.newBuilder()
                            .setAction(
                                TypedExtensionConfig.newBuilder()
                                    .setName("route")
                                    .setTypedConfig(
                                        Any.pack(Route.newBuilder().setCluster(cluster).build())))))
            .setIdleTimeout(Durations.fromMillis(settings.sessionIdleTimeout().toMillis()))
            .setUsePerPacketLoadBalancing(each)
            .setUpstreamSocketConfig(socket);
    if (service.hash() == ClientHash.SOURCE_IP) {
      proxy.addHashPolicies(UdpProxyConfig.HashPolicy.newBuilder().setSourceIp(true));
    }
    return Listener.newBuilder()
        .setName(service.name())
        .setAddress(listenAddress(service))
        .setUdpListenerConfig(UdpListenerConfig.newBuilder().setDownstreamSocketConfig(downstream))
        .addListenerFilters(
            ListenerFilter.newBuilder()
                .setName("envoy.filters.udp_listener.udp_proxy")
                .setTypedConfig(Any.pack(proxy.build())))
        .build();
  }

  /** The listener for an Envoy that has the gate. */
  public Listener gatedListener(UdpService service) {
    return GateResources.withFilter(listener(service), service.name());
  }

  /** The listener for an Envoy whose module chooses the servers. */
  public Listener tokenListener(UdpService service) {
    return GateResources.withFilter(
        listener(service, tokenName(service.name()), service.routeEachDatagram(), true),
        service.name());
  }

  /** The load assignment for an Envoy whose module chooses the servers. */
  public ClusterLoadAssignment tokenLoadAssignment(String service, List<Decision> decisions) {
    LocalityLbEndpoints.Builder endpoints = LocalityLbEndpoints.newBuilder();
    List<Decision> served = decisions.stream().filter(Decision::served).toList();
    boolean weighted = weightsDiffer(served);
    served.forEach(decision -> endpoints.addLbEndpoints(tokenMember(decision, weighted)));
    TokenEndpoints.of(served.stream().map(TokenEndpoints.Entry::of).toList())
        .forEach(group -> endpoints.addLbEndpoints(tokens(group)));
    return assignment(tokenName(service), endpoints);
  }

  /**
   * A server for an Envoy whose module chooses the servers: healthy though it be closed, as a
   * policy cannot choose a DEGRADED one.
   */
  public LbEndpoint tokenMember(Decision decision) {
    return tokenMember(decision, true);
  }

  private LbEndpoint tokenMember(Decision decision, boolean weighted) {
    LbEndpoint.Builder server =
        endpoint(decision, weighted).toBuilder().setHealthStatus(HealthStatus.UNKNOWN);
    if (!decision.open()) {
      server.setMetadata(forModule(Struct.newBuilder().putFields("closed", CLOSED)));
    }
    return server.build();
  }

  /**
   * An endpoint that is no server and has the tokens of some. It is closed, so that a module that
   * does not know of such sends nobody to it.
   */
  public LbEndpoint tokens(TokenEndpoints.Group group) {
    Value text = Value.newBuilder().setStringValue(group.text()).build();
    return LbEndpoint.newBuilder()
        .setEndpoint(
            Endpoint.newBuilder()
                .setAddress(address(group.address(), 1))
                .setHealthCheckConfig(
                    Endpoint.HealthCheckConfig.newBuilder().setDisableActiveHealthCheck(true)))
        .setMetadata(
            forModule(Struct.newBuilder().putFields("closed", CLOSED).putFields("tokens", text)))
        .build();
  }

  private static Metadata forModule(Struct.Builder known) {
    return Metadata.newBuilder().putFilterMetadata("bolina", known.build()).build();
  }

  /**
   * The servers of a service in the decisions' order. All stand in one unnamed locality: an
   * endpoint whose locality changes loses its sessions, and replicas that met it at different times
   * would disagree about it.
   *
   * <p>Weights are left out while they are all the same, which saves four bytes a server and is the
   * same to Envoy: it counts with their ratios.
   */
  public ClusterLoadAssignment loadAssignment(String service, List<Decision> decisions) {
    LocalityLbEndpoints.Builder endpoints = LocalityLbEndpoints.newBuilder();
    List<Decision> served = decisions.stream().filter(Decision::served).toList();
    boolean weighted = weightsDiffer(served);
    for (Decision decision : served) {
      endpoints.addLbEndpoints(endpoint(decision, weighted));
    }
    return assignment(service, endpoints);
  }

  private static boolean weightsDiffer(List<Decision> served) {
    return served.stream().mapToInt(Decision::weight).distinct().count() > 1;
  }

  /**
   * The load assignment for an Envoy that gets the servers by LEDS: they are the members of a
   * collection, of the same one locality.
   *
   * @param collection the name of the collection
   */
  public ClusterLoadAssignment loadAssignment(String service, String collection) {
    return assignment(
        service,
        LocalityLbEndpoints.newBuilder()
            .setLedsClusterLocalityConfig(
                LedsClusterLocalityConfig.newBuilder()
                    .setLedsConfig(overAds())
                    .setLedsCollectionName(collection)));
  }

  /** Whether a cluster is one of an Envoy whose module chooses the servers. */
  public static boolean isTokenName(String cluster) {
    return cluster.startsWith(TOKEN_PREFIX);
  }

  /** The service that a cluster, listener, load assignment or collection of this name is of. */
  public static String serviceOf(String resource) {
    if (isTokenName(resource)) {
      return resource.substring(TOKEN_PREFIX.length());
    }
    return GateResources.isRules(resource)
        ? resource.substring(GateResources.clusterName("").length())
        : resource;
  }

  /** Whether a service's name would be taken for that of something else of another's. */
  static boolean isReserved(String service) {
    return !serviceOf(service).equals(service);
  }

  /**
   * What the names of the members of a collection of a service begin with.
   *
   * @param variant tells the several names apart that a service's collection has
   */
  public static String collectionPrefix(String service, String variant) {
    return "xdstp://bolina/"
        + LbEndpoint.getDescriptor().getFullName()
        + "/"
        + service
        + "/"
        + variant
        + "/";
  }

  /**
   * What a server's name in a collection ends with: its address and port, which are all that its
   * sessions are bound to.
   */
  public static String memberKey(Decision decision) {
    var server = decision.member().server();
    // A colon between them would make an IPv6 address ambiguous.
    return server.address() + "-" + server.port();
  }

  /**
   * A server as a member of a collection. It always has its weight: whether all weights are the
   * same is not known of one server by itself.
   */
  public LbEndpoint member(Decision decision) {
    return endpoint(decision, true);
  }

  private static ClusterLoadAssignment assignment(
      String service, LocalityLbEndpoints.Builder endpoints) {
    return ClusterLoadAssignment.newBuilder()
        .setClusterName(service)
        .addEndpoints(endpoints)
        .setPolicy(
            ClusterLoadAssignment.Policy.newBuilder()
                .setOverprovisioningFactor(UInt32Value.of(NEVER_SPILL_OVER)))
        .build();
  }

  private static ConfigSource overAds() {
    return ConfigSource.newBuilder()
        .setResourceApiVersion(ApiVersion.V3)
        .setAds(AggregatedConfigSource.getDefaultInstance())
        // A cluster that waits for its servers keeps its old ones; one that gives up waiting has
        // none.
        .setInitialFetchTimeout(Durations.ZERO)
        .build();
  }

  private LbEndpoint endpoint(Decision decision, boolean weighted) {
    var server = decision.member().server();
    Endpoint.Builder at =
        Endpoint.newBuilder().setAddress(address(server.address(), server.port()));
    // The same for all servers and for always: another port re-creates a server's sessions.
    healthCheckPort.ifPresent(
        port ->
            at.setHealthCheckConfig(Endpoint.HealthCheckConfig.newBuilder().setPortValue(port)));
    LbEndpoint.Builder endpoint =
        LbEndpoint.newBuilder()
            .setEndpoint(at)
            // Closed is DEGRADED: the one status with which known clients stay and new ones never
            // come.
            // An open server's status is left out, which Envoy takes for healthy and which saves
            // two bytes a server.
            .setHealthStatus(decision.open() ? HealthStatus.UNKNOWN : HealthStatus.DEGRADED);
    if (weighted) {
      endpoint.setLoadBalancingWeight(UInt32Value.of(decision.weight()));
    }
    return endpoint.build();
  }

  private static Address listenAddress(UdpService service) {
    Address address = address(service.listenAddress(), service.listenPort());
    if (!service.listensOnAnyIpv6()) {
      return address;
    }
    // Both families on one socket: Envoy takes IPv4-mapped clients for IPv4.
    return address.toBuilder()
        .setSocketAddress(address.getSocketAddress().toBuilder().setIpv4Compat(true))
        .build();
  }

  private static Address address(String ip, int port) {
    return Address.newBuilder()
        .setSocketAddress(
            SocketAddress.newBuilder()
                .setProtocol(SocketAddress.Protocol.UDP)
                .setAddress(ip)
                .setPortValue(port))
        .build();
  }
}
