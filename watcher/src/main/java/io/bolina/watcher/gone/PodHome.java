package io.bolina.watcher.gone;

import io.bolina.registry.model.Server;
import java.util.Map;
import java.util.Optional;

/**
 * Where the pods are that a Watcher can ask about. That there is no pod of some name here says
 * nothing of a server that runs elsewhere: so a registration has to name all of it.
 *
 * @param cluster tells the cluster from others that share the registry; empty if that is not known,
 *     and then no server is of here
 */
public record PodHome(String cluster, String namespace) {
  /** The metadata of a server that say which pod it runs in. */
  static final String POD = "pod";

  static final String POD_NAMESPACE = "pod-namespace";
  static final String POD_CLUSTER = "pod-cluster";

  /** A home that no server is of. */
  public static final PodHome UNKNOWN = new PodHome("", "");

  /** The pod here that a registration names, whether there is one or not. */
  public Optional<PodLife> podOf(Server server) {
    Map<String, String> metadata = server.metadata();
    String name = metadata.getOrDefault(POD, "");
    String uid = metadata.getOrDefault(PodEnds.POD_UID, "");
    boolean here =
        !cluster.isEmpty()
            && cluster.equals(metadata.get(POD_CLUSTER))
            && namespace.equals(metadata.get(POD_NAMESPACE));
    return here && !name.isEmpty() && !uid.isEmpty()
        ? Optional.of(new PodLife(name, uid, "", ""))
        : Optional.empty();
  }
}
