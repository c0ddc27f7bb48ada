package io.bolina.controlplane.served;

import java.util.Collection;
import java.util.List;

/**
 * All that is served at one moment to each kind of Envoy. Immutable.
 *
 * @param plain what Envoys without the gate get
 * @param gated what Envoys with the gate get
 */
public record Editions(Served plain, Served gated) {
  /** Nothing yet. */
  public static final Editions NOTHING = new Editions(new Served(List.of()), new Served(List.of()));

  public Served of(Edition edition) {
    return edition == Edition.GATED ? gated : plain;
  }

  /** The same with some items in the place of those of the same type and name. */
  public Editions with(Collection<? extends ServedItem> changed) {
    return new Editions(
        plain.with(meantFor(Edition.PLAIN, changed)), gated.with(meantFor(Edition.GATED, changed)));
  }

  private static List<ServedItem> meantFor(
      Edition edition, Collection<? extends ServedItem> items) {
    return items.stream()
        .filter(item -> !(item instanceof ServedResource resource) || resource.isFor(edition))
        .<ServedItem>map(item -> item)
        .toList();
  }
}
