package io.bolina.registry.model;

import java.util.Comparator;
import java.util.List;

/**
 * One whole listing of a service, as a registry gave it.
 *
 * @param instances every instance it listed, in any order
 */
public record ServiceListing(List<Instance> instances) {
  public ServiceListing {
    instances = List.copyOf(instances);
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
   */
  public record Instance(
      Server server,
      Health health,
      boolean maintenance,
      boolean nodeLost,
      String note,
      boolean reportExpired,
      long version) {

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
  }
}
