package io.bolina.benchmarks;

import io.bolina.runtime.HostPort;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.FreePort;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A control plane that is measured: how it is started, as a process of its own. */
enum Subject {
  BOLINA_LEDS("Bolina, LEDS", "#0a7d4f") {
    @Override
    Child start(URI consul, HostPort xds, Path directory) throws IOException {
      return bolina(consul, xds, directory, "leds");
    }
  },
  BOLINA_EDS("Bolina, EDS", "#c2571a") {
    @Override
    Child start(URI consul, HostPort xds, Path directory) throws IOException {
      return bolina(consul, xds, directory, "eds");
    }
  },
  YARDSTICK("yardstick", "#4a5a8a") {
    @Override
    Child start(URI consul, HostPort xds, Path directory) throws IOException {
      return Child.start(
          "the yardstick",
          List.of(
              System.getProperty("bolina.yardstick"),
              "-consul",
              consul.toString(),
              "-listen",
              xds.toString(),
              "-service",
              BenchFleet.SERVICE),
          Map.of(),
          directory.resolve("yardstick.log"));
    }
  };

  private final String title;
  private final String colour;

  Subject(String title, String colour) {
    this.title = title;
    this.colour = colour;
  }

  /** Its colour in a chart. */
  String colour() {
    return colour;
  }

  String title() {
    return title;
  }

  /** Starts it. */
  abstract Child start(URI consul, HostPort xds, Path directory) throws IOException;

  private static Child bolina(URI consul, HostPort xds, Path directory, String delivery)
      throws IOException {
    return BolinaProcess.start(
            directory.resolve("control-plane-" + delivery + ".log"),
            "control-plane",
            "--consul",
            consul.toString(),
            "--service",
            BenchFleet.SERVICE + "=127.0.0.1:" + FreePort.udp(),
            "--xds",
            xds.toString(),
            "--admin",
            "127.0.0.1:" + FreePort.tcp(),
            "--state-dir",
            directory.resolve("state-" + delivery).toString(),
            "--endpoint-delivery",
            delivery)
        .child();
  }
}
