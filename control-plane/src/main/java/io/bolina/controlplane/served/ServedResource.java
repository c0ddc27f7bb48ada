package io.bolina.controlplane.served;

import com.google.common.hash.Hashing;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * One resource, packed once however many Envoys get it, and not before the first of them does: a
 * large load assignment costs nothing while every Envoy uses LEDS.
 */
public final class ServedResource implements ServedItem {
  private final String typeUrl;
  private final String name;
  private final String versionPrefix;
  private final Set<Edition> editions;
  private final Map<Object, ByteString> encoded = new ConcurrentHashMap<>(2);
  private Supplier<Message> source;
  private volatile Packed content;

  private record Packed(String version, Any any) {}

  private ServedResource(
      String typeUrl,
      String name,
      String versionPrefix,
      Set<Edition> editions,
      Supplier<Message> source) {
    this.typeUrl = typeUrl;
    this.name = name;
    this.versionPrefix = versionPrefix;
    this.editions = Set.copyOf(editions);
    this.source = source;
  }

  /** A resource for every Envoy. */
  public static ServedResource of(String name, Message message) {
    return only(EnumSet.allOf(Edition.class), name, message);
  }

  /** A resource for the Envoys of one edition. */
  public static ServedResource only(Edition edition, String name, Message message) {
    return only(Set.of(edition), name, message);
  }

  /** A resource for the Envoys of some editions. */
  public static ServedResource only(Set<Edition> editions, String name, Message message) {
    return new ServedResource(
        ServedItem.typeUrl(message.getDescriptorForType()), name, "", editions, () -> message);
  }

  /** A resource whose versions begin with a text, which tells them from all others. */
  public static ServedResource marked(String versionPrefix, String name, Message message) {
    return new ServedResource(
        ServedItem.typeUrl(message.getDescriptorForType()),
        name,
        versionPrefix,
        EnumSet.allOf(Edition.class),
        () -> message);
  }

  /**
   * A resource that is made when it is first needed.
   *
   * @param editions for which Envoys
   * @param like any message of its type
   */
  public static ServedResource lazily(
      Set<Edition> editions, String name, Message like, Supplier<Message> source) {
    return new ServedResource(
        ServedItem.typeUrl(like.getDescriptorForType()), name, "", editions, source);
  }

  @Override
  public String typeUrl() {
    return typeUrl;
  }

  /** Its name, unique in its type. */
  @Override
  public String name() {
    return name;
  }

  /** A hash of its bytes: the same content has the same version, whoever serves it. */
  public String version() {
    return packed().version();
  }

  /** The resource as it is sent. */
  public Any any() {
    return packed().any();
  }

  /**
   * What a function makes of this resource, called once however many ask.
   *
   * @param form what it makes, one of few
   */
  public ByteString encoded(Object form, Function<ServedResource, ByteString> encoder) {
    return encoded.computeIfAbsent(form, f -> encoder.apply(this));
  }

  @Override
  public Set<Edition> editions() {
    return editions;
  }

  private Packed packed() {
    Packed known = content;
    return known != null ? known : pack();
  }

  private synchronized Packed pack() {
    if (content == null) {
      Any any = Any.pack(source.get());
      content = new Packed(versionPrefix + hash(any.getValue()), any);
      source = null;
    }
    return content;
  }

  private static String hash(ByteString bytes) {
    return Hashing.sha256().hashBytes(bytes.asReadOnlyByteBuffer()).toString().substring(0, 16);
  }
}
