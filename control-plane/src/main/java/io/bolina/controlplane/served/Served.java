package io.bolina.controlplane.served;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** All that is served at one moment. Immutable. */
public final class Served {
  private final String mark;
  private final Map<String, NavigableMap<String, ServedResource>> byType;
  private final NavigableMap<String, ServedCollection> collections;

  /** What some clients see of it: few, as settings say who sees what. */
  private final Map<Visibility, Served> views = new ConcurrentHashMap<>(2);

  /** A fleet of Envoys asks for few different selections, each many times over. */
  private final Map<String, Selection> wholeTypes = new ConcurrentHashMap<>();

  private final Map<SelectionKey, Selection> selections = new ConcurrentHashMap<>();

  /** A client that asks for ever different ones must not fill the memory. */
  private static final int MOST_SELECTIONS = 1_000;

  private record SelectionKey(String typeUrl, Set<String> names) {}

  /**
   * Some resources of a type, in the order of their names.
   *
   * @param version a hash of their names and versions; empty if there are none
   * @param resources the resources
   */
  public record Selection(String version, List<ServedResource> resources) {}

  public Served(Collection<ServedResource> resources) {
    this("", group(Map.of(), resources), Collections.emptyNavigableMap());
  }

  /** Nothing yet, of which all versions of selections will begin with a text. */
  static Served marked(String mark) {
    return new Served(mark, Map.of(), Collections.emptyNavigableMap());
  }

  private Served(
      String mark,
      Map<String, NavigableMap<String, ServedResource>> byType,
      NavigableMap<String, ServedCollection> collections) {
    this.mark = mark;
    this.byType = byType;
    this.collections = collections;
  }

  /** All resources of a type. */
  public Selection all(String typeUrl) {
    return wholeTypes.computeIfAbsent(typeUrl, t -> select(resources(t).values()));
  }

  /** Those resources of a type that exist among the names. */
  public Selection named(String typeUrl, Set<String> names) {
    Map<String, ServedResource> resources = resources(typeUrl);
    Set<String> existing = new HashSet<>(names);
    existing.retainAll(resources.keySet());
    SelectionKey key = new SelectionKey(typeUrl, Set.copyOf(existing));
    Selection known = selections.get(key);
    if (known != null) {
      return known;
    }
    Selection made = select(existing.stream().sorted().map(resources::get).toList());
    if (selections.size() < MOST_SELECTIONS) {
      selections.put(key, made);
    }
    return made;
  }

  public Optional<ServedResource> get(String typeUrl, String name) {
    return Optional.ofNullable(resources(typeUrl).get(name));
  }

  /**
   * The resources of a type by name: the same map as before as long as none of them was published
   * anew.
   */
  public NavigableMap<String, ServedResource> resources(String typeUrl) {
    return byType.getOrDefault(typeUrl, Collections.emptyNavigableMap());
  }

  /** The collections of servers by service. */
  public NavigableMap<String, ServedCollection> collections() {
    return collections;
  }

  /**
   * What a client sees of it that is not to know of everything. It goes on with {@link #with}: the
   * resources of a type are the same map as before for it, too, as long as none of them changes.
   */
  public Served visibleTo(Visibility visibility) {
    if (visibility.equals(Visibility.ALL)) {
      return this;
    }
    return views.computeIfAbsent(
        visibility,
        v -> {
          List<ServedItem> visible = new ArrayList<>();
          byType.values().forEach(resources -> visible.addAll(resources.values()));
          visible.addAll(collections.values());
          visible.removeIf(item -> !v.includes(item.name()));
          return marked(mark).with(visible);
        });
  }

  /** The same with some items in the place of those of the same type and name. */
  public Served with(Collection<? extends ServedItem> changed) {
    List<ServedResource> resources = new ArrayList<>();
    NavigableMap<String, ServedCollection> newCollections = new TreeMap<>(collections);
    for (ServedItem item : changed) {
      if (item instanceof ServedResource resource) {
        resources.add(resource);
      } else if (item instanceof ServedCollection collection) {
        newCollections.put(collection.name(), collection);
      }
    }
    Served next =
        new Served(
            mark, group(byType, resources), Collections.unmodifiableNavigableMap(newCollections));
    views.forEach(
        (visibility, view) ->
            next.views.put(
                visibility,
                view.with(
                    changed.stream().filter(item -> visibility.includes(item.name())).toList())));
    return next;
  }

  private static Map<String, NavigableMap<String, ServedResource>> group(
      Map<String, NavigableMap<String, ServedResource>> before,
      Collection<ServedResource> changed) {
    Map<String, NavigableMap<String, ServedResource>> copies = new HashMap<>();
    for (ServedResource resource : changed) {
      copies
          .computeIfAbsent(
              resource.typeUrl(),
              type -> new TreeMap<>(before.getOrDefault(type, Collections.emptyNavigableMap())))
          .put(resource.name(), resource);
    }
    copies.replaceAll((type, map) -> Collections.unmodifiableNavigableMap(map));
    Map<String, NavigableMap<String, ServedResource>> after = new HashMap<>(before);
    after.putAll(copies);
    return after;
  }

  private Selection select(Collection<ServedResource> resources) {
    if (resources.isEmpty()) {
      return new Selection("", List.of());
    }
    Hasher hasher = Hashing.sha256().newHasher();
    for (ServedResource resource : resources) {
      hasher.putString(resource.name(), StandardCharsets.UTF_8).putByte((byte) 0);
      hasher.putString(resource.version(), StandardCharsets.UTF_8).putByte((byte) 0);
    }
    return new Selection(mark + hasher.hash().toString().substring(0, 16), List.copyOf(resources));
  }
}
