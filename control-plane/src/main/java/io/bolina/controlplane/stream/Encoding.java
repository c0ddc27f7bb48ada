package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.controlplane.served.ServedServer;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.Resource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * Responses as bytes, put together from parts that are encoded once: the bytes of a message's
 * fields, one after the other in whatever order, are the bytes of the message.
 */
final class Encoding {
  private enum Form {
    STATE_OF_THE_WORLD,
    INCREMENTAL
  }

  private Encoding() {}

  /** A state-of-the-world response but for its nonce. */
  static ByteString stateOfTheWorld(String typeUrl, Served.Selection selection) {
    ByteString body =
        DiscoveryResponse.newBuilder()
            .setVersionInfo(selection.version())
            .setTypeUrl(typeUrl)
            .build()
            .toByteString();
    for (ServedResource resource : selection.resources()) {
      body =
          body.concat(
              resource.encoded(
                  Form.STATE_OF_THE_WORLD,
                  r -> field(DiscoveryResponse.RESOURCES_FIELD_NUMBER, r.any())));
    }
    return body;
  }

  /** An incremental response but for its nonce. */
  static ByteString incremental(
      String typeUrl, String version, List<ServedResource> changed, List<String> removed) {
    ByteString body = head(typeUrl, version, removed);
    for (ServedResource resource : changed) {
      body =
          body.concat(
              resource.encoded(
                  Form.INCREMENTAL,
                  r ->
                      field(
                          DeltaDiscoveryResponse.RESOURCES_FIELD_NUMBER,
                          Resource.newBuilder()
                              .setName(r.name())
                              .setVersion(r.version())
                              .setResource(r.any())
                              .build())));
    }
    return body;
  }

  /**
   * An incremental response about members of a collection but for its nonce.
   *
   * @param prefix what their names begin with
   */
  static ByteString members(
      String typeUrl,
      String version,
      String prefix,
      List<ServedServer> changed,
      List<String> removed) {
    ByteString.Output out = ByteString.newOutput(128 + 192 * changed.size());
    CodedOutputStream coded = CodedOutputStream.newInstance(out, 4096);
    try {
      for (ServedServer server : changed) {
        coded.writeMessage(
            DeltaDiscoveryResponse.RESOURCES_FIELD_NUMBER,
            Resource.newBuilder()
                .setName(prefix + server.key())
                .setVersion(server.version())
                .setResource(server.any())
                .build());
      }
      coded.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return head(typeUrl, version, removed.stream().map(key -> prefix + key).toList())
        .concat(out.toByteString());
  }

  private static ByteString head(String typeUrl, String version, List<String> removed) {
    return DeltaDiscoveryResponse.newBuilder()
        .setSystemVersionInfo(version)
        .setTypeUrl(typeUrl)
        .addAllRemovedResources(removed)
        .build()
        .toByteString();
  }

  /** The nonce of a state-of-the-world response. */
  static ByteString nonce(String nonce) {
    return DiscoveryResponse.newBuilder().setNonce(nonce).build().toByteString();
  }

  /** The nonce of an incremental response. */
  static ByteString incrementalNonce(String nonce) {
    return DeltaDiscoveryResponse.newBuilder().setNonce(nonce).build().toByteString();
  }

  private static ByteString field(int number, MessageLite message) {
    int size = CodedOutputStream.computeMessageSize(number, message);
    byte[] bytes = new byte[size];
    try {
      CodedOutputStream coded = CodedOutputStream.newInstance(bytes);
      coded.writeMessage(number, message);
      coded.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return ByteString.copyFrom(bytes);
  }
}
