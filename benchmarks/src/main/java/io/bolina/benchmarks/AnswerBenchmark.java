package io.bolina.benchmarks;

import io.bolina.registry.consul.AnswerLimits;
import io.bolina.registry.consul.InstanceReader;
import io.bolina.registry.consul.JsonArrayReader;
import io.bolina.registry.model.ServiceListing;
import io.bolina.runtime.Warnings;
import io.bolina.runtime.setting.SettingMap;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
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

/**
 * Reading Consul's answer with one server changed: everything parsed, and with the answer before in
 * the cache.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"})
public class AnswerBenchmark {
  @Param({"1000", "10000"})
  private int servers;

  private final InstanceReader reader =
      new InstanceReader("bolina", new Warnings(new SimpleMeterRegistry(), Clock.systemUTC()));
  private static final AnswerLimits LIMITS = AnswerLimits.of(SettingMap.DEFAULTS);

  private final JsonArrayReader.Cache memory = new JsonArrayReader.Cache();
  private final byte[][] answers = new byte[2][];
  private int turn;

  /** Two answers that differ in one server. */
  @Setup
  public void prepare() {
    for (int i = 0; i < 2; i++) {
      StringBuilder answer = new StringBuilder("[");
      for (int n = 0; n < servers; n++) {
        answer
            .append(n == 0 ? "" : ",")
            .append(instance(n, i == 1 && n == servers / 2 ? "critical" : "passing"));
      }
      answers[i] = answer.append("]").toString().getBytes(StandardCharsets.UTF_8);
    }
  }

  private static String instance(int n, String status) {
    return """
        {"Node":{"ID":"","Node":"machine-%1$d","Address":"10.0.0.1","Datacenter":"dc1","TaggedAddresses":null,"Meta":null,\
        "CreateIndex":18,"ModifyIndex":18},"Service":{"ID":"b-%1$d","Service":"bolina","Tags":[],"Address":"10.0.0.1",\
        "Meta":{"zone":"zone-1"},"Port":%2$d,"Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,"Proxy":\
        {"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"PeerName":"","CreateIndex":18,"ModifyIndex":18},"Checks":[\
        {"Node":"machine-%1$d","CheckID":"alive","Name":"Machine","Status":"passing","Notes":"","Output":"","ServiceID":"",\
        "ServiceName":"","ServiceTags":[],"Type":"","Interval":"","Timeout":"","ExposedPort":0,"Definition":{},\
        "CreateIndex":18,"ModifyIndex":18},{"Node":"machine-%1$d","CheckID":"service:b-%1$d","Name":"report","Status":"%3$s",\
        "Notes":"","Output":"health as it was reported","ServiceID":"b-%1$d","ServiceName":"bolina","ServiceTags":[],"Type":\
        "","Interval":"","Timeout":"","ExposedPort":0,"Definition":{},"CreateIndex":18,"ModifyIndex":19}]}"""
        .formatted(n, 1 + n, status);
  }

  @Benchmark
  public ServiceListing fromScratch() throws IOException {
    return reader.read(new JsonArrayReader(new ByteArrayInputStream(answers[0])));
  }

  @Benchmark
  public ServiceListing withTheOneBeforeInMind() throws IOException {
    turn = 1 - turn;
    return reader.read(
        new JsonArrayReader(new ByteArrayInputStream(answers[turn]), LIMITS, memory));
  }
}
