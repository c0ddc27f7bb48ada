package io.bolina.controlplane.served;

import java.util.Collection;
import java.util.List;

/**
 * All that is served at one moment to each kind of Envoy. Immutable.
 *
 * @param plain what Envoys without the gate get
 * @param gated what Envoys with the gate get
 * @param tokens what Envoys get whose module chooses the servers
 */
public record Editions(Served plain, Served gated, Served tokens) {
  /** What the versions of that edition begin with: by these an Envoy's is known again. */
  public static final String TOKENS_MARK = "tokens.";

  /** Nothing yet. */
  public static final Editions NOTHING =
      new Editions(new Served(List.of()), new Served(List.of()), Served.marked(TOKENS_MARK));

  public Served of(Edition edition) {
    return switch (edition) {
      case PLAIN -> plain;
      case GATED -> gated;
      case TOKENS -> tokens;
    };
  }

  /** The same with some items in the place of those of the same type and name. */
  public Editions with(Collection<? extends ServedItem> changed) {
    return new Editions(
        plain.with(meantFor(Edition.PLAIN, changed)),
        gated.with(meantFor(Edition.GATED, changed)),
        tokens.with(meantFor(Edition.TOKENS, changed)));
  }

  private static List<ServedItem> meantFor(
      Edition edition, Collection<? extends ServedItem> items) {
    return items.stream()
        .filter(item -> item.editions().contains(edition))
        .<ServedItem>map(item -> item)
        .toList();
  }
}
