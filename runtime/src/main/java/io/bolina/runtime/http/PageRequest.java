package io.bolina.runtime.http;

import java.util.Map;
import java.util.Optional;

/**
 * A request for a page that was let in.
 *
 * @param body as UTF-8; empty for a page that is only read
 */
public record PageRequest(Map<String, String> query, String body) {
  public PageRequest {
    query = Map.copyOf(query);
  }

  /** A parameter of the query. */
  public Optional<String> parameter(String name) {
    return Optional.ofNullable(query.get(name));
  }
}
