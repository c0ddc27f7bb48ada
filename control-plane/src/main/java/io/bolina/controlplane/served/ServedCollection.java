package io.bolina.controlplane.served;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * The servers of a service as single resources (LEDS).
 *
 * @param editions for which Envoys
 * @param typeUrl the type of a server's resource
 * @param name the cluster
 * @param servers the servers, at most one of a key
 * @param version a hash of all servers, whatever their order: replicas that agree have the same
 * @param names the names under which an Envoy may know the collection. There are several because an
 *     Envoy must be given another one whenever it is not certain what it has of it (docs/leds.md)
 */
public record ServedCollection(
    Set<Edition> editions,
    String typeUrl,
    String name,
    List<ServedServer> servers,
    String version,
    List<Name> names)
    implements ServedItem {

  /**
   * One name.
   *
   * @param prefix what the names of its members begin with
   * @param assignment the load assignment that refers to it by this name
   */
  public record Name(String prefix, ServedResource assignment) {
    /** What an Envoy subscribes to. */
    public String collection() {
      return prefix + "*";
    }
  }

  /** A collection for every Envoy. */
  public static ServedCollection of(
      String typeUrl, String cluster, List<ServedServer> servers, List<Name> names) {
    return of(EnumSet.allOf(Edition.class), typeUrl, cluster, servers, names);
  }

  public static ServedCollection of(
      Set<Edition> editions,
      String typeUrl,
      String cluster,
      List<ServedServer> servers,
      List<Name> names) {
    long sum = 0;
    for (ServedServer server : servers) {
      sum += server.fingerprint();
    }
    return new ServedCollection(
        Set.copyOf(editions),
        typeUrl,
        cluster,
        List.copyOf(servers),
        ServedServer.inLetters(sum),
        List.copyOf(names));
  }
}
