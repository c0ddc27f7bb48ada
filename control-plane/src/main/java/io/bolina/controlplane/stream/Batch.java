package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.bolina.controlplane.served.ServedServer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Changes of a collection, encoded once for each of the collection's names, however many streams
 * they are sent on.
 */
public final class Batch {
  /** What a member has apart from the prefix of its name, most of it the name of its type. */
  private static final int MEMBER_BYTES = 128;

  private final String typeUrl;
  private final String version;
  private final long upTo;
  private final List<ServedServer> changed;
  private final List<String> removed;
  private final Map<String, ByteString> encoded = new ConcurrentHashMap<>(2);

  /**
   * @param version of the collection with these changes
   * @param upTo the cursor of a stream that has been sent this
   * @param changed servers that came or changed
   * @param removed keys of servers that went
   */
  public Batch(
      String typeUrl, String version, long upTo, List<ServedServer> changed, List<String> removed) {
    this.typeUrl = typeUrl;
    this.version = version;
    this.upTo = upTo;
    this.changed = changed;
    this.removed = removed;
  }

  String version() {
    return version;
  }

  long upTo() {
    return upTo;
  }

  List<ServedServer> changed() {
    return changed;
  }

  List<String> removed() {
    return removed;
  }

  int size() {
    return changed.size() + removed.size();
  }

  /** About how many bytes it has when it is encoded. */
  int bytes(String prefix) {
    return size() * (prefix.length() + MEMBER_BYTES);
  }

  /** The response, but for its nonce, to a stream that knows the collection by a name. */
  public ByteString encoded(String prefix) {
    return encoded.computeIfAbsent(
        prefix, p -> Encoding.members(typeUrl, version, p, changed, removed));
  }

  boolean isEncoded() {
    return !encoded.isEmpty();
  }

  /** The two halves of it, or nothing if it is about one server only. */
  List<Batch> halves() {
    if (size() < 2) {
      return List.of();
    }
    int middle = size() / 2;
    int inChanged = Math.min(middle, changed.size());
    int inRemoved = middle - inChanged;
    return List.of(
        new Batch(
            typeUrl, version, upTo, changed.subList(0, inChanged), removed.subList(0, inRemoved)),
        new Batch(
            typeUrl,
            version,
            upTo,
            changed.subList(inChanged, changed.size()),
            removed.subList(inRemoved, removed.size())));
  }
}
