package io.bolina.controlplane.stream;

import com.google.protobuf.ByteString;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * A response on its way to one stream: a body that all streams share, and the nonce, which is the
 * stream's own.
 */
record Outgoing(ByteString body, ByteString nonce) {

  /** Hands the bytes to gRPC as they are. */
  static final Marshaller<Outgoing> MARSHALLER =
      new Marshaller<>() {
        @Override
        public InputStream stream(Outgoing response) {
          return new Encoded(response);
        }

        @Override
        public Outgoing parse(InputStream stream) {
          throw new UnsupportedOperationException("a server receives no responses");
        }
      };

  /** What gRPC reads: it asks for the length, and then to be given everything at once. */
  private static final class Encoded extends InputStream implements Drainable, KnownLength {
    private final Outgoing response;
    private InputStream rest;

    private Encoded(Outgoing response) {
      this.response = response;
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      response.body.writeTo(target);
      response.nonce.writeTo(target);
      return available();
    }

    @Override
    public int available() {
      return response.body.size() + response.nonce.size();
    }

    @Override
    public int read() throws IOException {
      return rest().read();
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      return rest().read(bytes, offset, length);
    }

    private InputStream rest() {
      if (rest == null) {
        rest = response.body.concat(response.nonce).newInput();
      }
      return rest;
    }
  }
}
