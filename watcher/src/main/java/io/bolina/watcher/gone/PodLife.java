package io.bolina.watcher.gone;

/**
 * A pod as far as its server's life depends on it.
 *
 * @param uid tells it from another of its name
 * @param ip its address; empty while it has none, and on the host network, where others share it
 * @param ended why no container of it will run again, such as {@code failed: Evicted}; empty while
 *     one may
 */
public record PodLife(String name, String uid, String ip, String ended) {
  boolean hasEnded() {
    return !ended.isEmpty();
  }
}
