package io.bolina.registry.model;

import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * One whole listing of a service, as a registry gave it.
 *
 * @param instances every instance it listed and that can be used, in any order
 * @param unusable ids of instances that it listed and that cannot be used
 */
public record ServiceListing(List<Instance> instances, Set<String> unusable) {
  public ServiceListing {
    instances = List.copyOf(instances);
    unusable = Set.copyOf(unusable);
  }

  /** One of which every instance can be used. */
  public ServiceListing(List<Instance> instances) {
    this(instances, Set.of());
  }

  /**
   * One listed instance.
   *
   * @param server the server
   * @param health the worst of its checks
   * @param maintenance whether it is in maintenance mode
   * @param nodeLost whether its machine does not answer
   * @param note the worst check's output
   * @param reportExpired whether it is critical because nobody reported for it in time
   * @param version grows whenever somebody registers something in the registry: of two
   *     registrations the later one has the higher; 0 if unknown
   * @param alias whether its address is registered in another spelling than the usual one
   */
  public record Instance(
      Server server,
      Health health,
      boolean maintenance,
      boolean nodeLost,
      String note,
      boolean reportExpired,
      long version,
      boolean alias) {

    /**
     * Which of two registrations of one endpoint counts: the one that lives. That is one whose
     * machine answers, then one that is reported for, then the later one: a server that died
     * without a word leaves its registration behind, and its address may be another's by now. Then
     * the worse health, then the lower id.
     */
    public static final Comparator<Instance> PRECEDENCE =
        Comparator.comparing(Instance::nodeLost)
            .thenComparing(Instance::reportExpired)
            .thenComparing(Comparator.comparing(Instance::version).reversed())
            .thenComparing(Comparator.comparing(Instance::health).reversed())
            .thenComparing(Instance::server);

    /** One whose report has not expired, of an unknown version. */
    public Instance(
        Server server, Health health, boolean maintenance, boolean nodeLost, String note) {
      this(server, health, maintenance, nodeLost, note, false, 0);
    }

    /** One whose address is spelled as usual. */
    public Instance(
        Server server,
        Health health,
        boolean maintenance,
        boolean nodeLost,
        String note,
        boolean reportExpired,
        long version) {
      this(server, health, maintenance, nodeLost, note, reportExpired, version, false);
    }

    /** The same server, as closed as another description of it says. */
    public Instance asClosedAs(Instance other) {
      boolean worse = other.health.compareTo(health) > 0;
      return new Instance(
          server,
          worse ? other.health : health,
          maintenance || other.maintenance,
          nodeLost,
          worse ? other.note : note,
          reportExpired,
          version,
          alias);
    }
  }
}
