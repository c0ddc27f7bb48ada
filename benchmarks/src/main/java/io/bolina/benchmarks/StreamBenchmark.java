package io.bolina.benchmarks;

import com.google.protobuf.ByteString;
import com.google.protobuf.StringValue;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedServer;
import io.bolina.controlplane.stream.Batch;
import io.bolina.controlplane.stream.CollectionLog;
import io.bolina.controlplane.stream.XdsTypes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Diff, cursor and encoding of servers sent one by one. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"})
public class StreamBenchmark {
  private static final String PREFIX =
      "xdstp://bolina/envoy.config.endpoint.v3.LbEndpoint/bolina/a/";

  @Param({"1000", "10000"})
  private int servers;

  private final List<ServedCollection> states = new ArrayList<>();
  private final CollectionLog log = new CollectionLog();
  private int turn;

  /** Two states that differ in one server. */
  @Setup
  public void prepare() {
    List<ServedServer> all = new ArrayList<>();
    for (int i = 0; i < servers; i++) {
      all.add(server(i, "open"));
    }
    states.add(ServedCollection.of(XdsTypes.MEMBER, "bolina", all, List.of()));
    all.set(servers / 2, server(servers / 2, "closed"));
    states.add(ServedCollection.of(XdsTypes.MEMBER, "bolina", all, List.of()));
    log.become(states.get(0));
  }

  private static ServedServer server(int i, String content) {
    return ServedServer.of("10.0." + i / 250 + "." + i % 250 + "-7777", StringValue.of(content));
  }

  /** A change is found, appended to the log, and encoded. */
  @Benchmark
  public ByteString diffAndEncodeOneChange() {
    turn = 1 - turn;
    long cursor = log.head();
    log.become(states.get(turn));
    return log.since(cursor).orElseThrow().encoded(PREFIX);
  }

  /** What each further stream costs. */
  @Benchmark
  public Optional<Batch> lookUpByAFurtherStream() {
    return log.since(CollectionLog.NOTHING);
  }

  /** What an Envoy is sent that connects. */
  @Benchmark
  public ByteString encodeEverything() {
    ServedCollection now = states.get(0);
    return new Batch(now.typeUrl(), now.version(), 1, now.servers(), List.of()).encoded(PREFIX);
  }
}
