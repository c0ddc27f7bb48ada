package io.bolina.controlplane.stream;

import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import java.io.InputStream;
import java.util.Optional;

/**
 * Reads requests; what is none is an empty one. gRPC's own throws, and what a marshaller throws is
 * logged by gRPC as an error, with a stack trace, each time: anybody could fill the log.
 *
 * @param <Q> the protocol variant's request
 */
final class RequestMarshaller<Q extends Message>
    implements MethodDescriptor.Marshaller<Optional<Q>> {
  private final MethodDescriptor.Marshaller<Q> messages;

  /**
   * @param anyRequest of the variant
   */
  RequestMarshaller(Q anyRequest) {
    this.messages = ProtoUtils.marshaller(anyRequest);
  }

  @Override
  public InputStream stream(Optional<Q> request) {
    return messages.stream(request.orElseThrow());
  }

  @Override
  public Optional<Q> parse(InputStream stream) {
    try {
      return Optional.of(messages.parse(stream));
    } catch (StatusRuntimeException e) {
      return Optional.empty();
    }
  }
}
