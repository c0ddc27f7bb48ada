package io.bolina.controlplane.served;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import com.google.common.io.BaseEncoding;
import com.google.common.primitives.Longs;
import com.google.protobuf.Any;
import com.google.protobuf.Message;
import java.nio.charset.StandardCharsets;

/**
 * One server as a resource of its own (LEDS), a member of a collection.
 *
 * @param key unique in its collection, and the same for as long as the server is where it is
 * @param version a hash of key and content, short because every change carries it
 * @param any the resource as it is sent
 * @param fingerprint the hash as a number
 */
public record ServedServer(String key, String version, Any any, long fingerprint) {
  public static ServedServer of(String key, Message message) {
    Any any = Any.pack(message);
    Hasher hasher = Hashing.sha256().newHasher();
    hasher.putString(key, StandardCharsets.UTF_8).putByte((byte) 0);
    hasher.putBytes(any.getValue().asReadOnlyByteBuffer());
    long fingerprint = hasher.hash().asLong();
    return new ServedServer(key, inLetters(fingerprint), any, fingerprint);
  }

  static String inLetters(long fingerprint) {
    return BaseEncoding.base64Url().omitPadding().encode(Longs.toByteArray(fingerprint));
  }
}
