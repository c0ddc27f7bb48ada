package io.bolina.controlplane.stream;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import io.grpc.MethodDescriptor;
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
  private final MethodDescriptor.Marshaller<Q> written;
  private final Parser<? extends Message> parser;
  private final Class<?> type;

  /**
   * @param anyRequest of the variant
   */
  RequestMarshaller(Q anyRequest) {
    this.written = ProtoUtils.marshaller(anyRequest);
    this.parser = anyRequest.getParserForType();
    this.type = anyRequest.getClass();
  }

  @Override
  public InputStream stream(Optional<Q> request) {
    return written.stream(request.orElseThrow());
  }

  @Override
  @SuppressWarnings("unchecked") // a message's parser makes messages of its type
  public Optional<Q> parse(InputStream stream) {
    try {
      return Optional.of((Q) type.cast(parser.parseFrom(stream)));
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    }
  }
}
