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
   */
  public record Instance(
      Server server, Health health, boolean maintenance, boolean nodeLost, String note) {

    /**
     * Which of two registrations of one endpoint counts: one whose machine answers before one whose
     * machine is lost (a server that came back elsewhere leaves such a ghost), then the worse
     * health, then the lower id.
     */
    public static final Comparator<Instance> PRECEDENCE =
        Comparator.comparing(Instance::nodeLost)
            .thenComparing(Comparator.comparing(Instance::health).reversed())
            .thenComparing(Instance::server);
  }
}
