package io.bolina.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** One xDS call: what was answered, and how it ended. */
final class XdsCall<Q, R> implements StreamObserver<R> {
  private final BlockingQueue<R> responses = new LinkedBlockingQueue<>();
  private final BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
  private final StreamObserver<Q> requests;

  XdsCall(Function<StreamObserver<R>, StreamObserver<Q>> method) {
    requests = method.apply(this);
  }

  @Override
  public void onNext(R response) {
    responses.add(response);
  }

  @Override
  public void onError(Throwable error) {
    ends.add(Status.fromThrowable(error));
  }

  @Override
  public void onCompleted() {
    ends.add(Status.OK);
  }

  XdsCall<Q, R> send(Q request) {
    requests.onNext(request);
    return this;
  }

  /** The next response, however long it takes. */
  R receive() throws InterruptedException {
    R response = responses.poll(Patience.LONG.toSeconds(), TimeUnit.SECONDS);
    assertThat(response).as("a response (the call ended with " + ends.peek() + ")").isNotNull();
    return response;
  }

  /** The next response, if one comes soon. */
  Optional<R> receiveWithin(Duration time) throws InterruptedException {
    return Optional.ofNullable(responses.poll(time.toMillis(), TimeUnit.MILLISECONDS));
  }

  /** Whether a response has arrived that was not received yet. */
  boolean hasResponse() {
    return !responses.isEmpty();
  }

  /** How the call ends. */
  Status end() throws InterruptedException {
    return Optional.ofNullable(ends.poll(Patience.LONG.toSeconds(), TimeUnit.SECONDS))
        .orElseThrow();
  }
}
