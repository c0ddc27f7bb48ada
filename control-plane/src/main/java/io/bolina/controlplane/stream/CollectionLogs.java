package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The logs of all collections, by service. */
final class CollectionLogs {
  private final Map<String, CollectionLog> byService = new ConcurrentHashMap<>();

  /** Takes what is served from now on. */
  void serve(Served now) {
    now.collections()
        .forEach(
            (service, collection) ->
                byService.computeIfAbsent(service, s -> new CollectionLog()).become(collection));
  }

  CollectionLog of(String service) {
    return byService.get(service);
  }
}
