package io.bolina.controlplane.stream;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import io.bolina.controlplane.served.Edition;
import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.controlplane.cache.Resources.ApiVersion;
import io.envoyproxy.controlplane.server.serializer.ProtoResourcesSerializer;
import java.util.IdentityHashMap;

/**
 * Hands out each served resource's bytes as they were packed when it was made, instead of packing
 * them per stream.
 */
final class PackedOnce implements ProtoResourcesSerializer {
  private volatile IdentityHashMap<Message, Any> packed = new IdentityHashMap<>();

  void serve(Editions now) {
    IdentityHashMap<Message, Any> next = new IdentityHashMap<>();
    for (String type : new String[] {XdsTypes.CLUSTER, XdsTypes.ENDPOINT, XdsTypes.LISTENER}) {
      for (Edition edition : Edition.values()) {
        for (ServedResource resource : now.of(edition).resources(type).values()) {
          next.put(resource.message(), resource.packed());
        }
      }
    }
    packed = next;
  }

  @Override
  public Any serialize(Message resource, ApiVersion apiVersion) {
    Any known = packed.get(resource);
    return known != null ? known : Any.pack(resource);
  }
}
