package io.bolina.controlplane.served;

import com.google.common.hash.Hashing;
import com.google.protobuf.Any;
import com.google.protobuf.Message;

/**
 * One resource, packed once however many Envoys get it.
 *
 * @param name its name, unique in its type
 * @param version a hash of its bytes: the same content has the same version, whoever serves it
 * @param message the resource
 * @param packed the resource as it is sent
 */
public record ServedResource(String name, String version, Message message, Any packed) {

  public static ServedResource of(String name, Message message) {
    Any packed = Any.pack(message);
    String version =
        Hashing.sha256()
            .hashBytes(packed.getValue().asReadOnlyByteBuffer())
            .toString()
            .substring(0, 16);
    return new ServedResource(name, version, message, packed);
  }

  public String typeUrl() {
    return packed.getTypeUrl();
  }
}
