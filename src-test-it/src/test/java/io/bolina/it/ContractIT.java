package io.bolina.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Runs the examples of docs/consul-contract.md, and checks what each says it leads to. */
class ContractIT {
  private static final Pattern EXAMPLE =
      Pattern.compile(
          "```sh\n(.*?)```\n(?:<!-- then (\\S+) is (\\S+): (.*?) -->)?", Pattern.DOTALL);

  private record Example(String commands, String id, String status, String reason) {}

  private static List<Example> examples() throws IOException {
    String page = Files.readString(Installation.home().resolve("docs/consul-contract.md"));
    List<Example> examples = new ArrayList<>();
    Matcher matcher = EXAMPLE.matcher(page);
    while (matcher.find()) {
      examples.add(
          new Example(matcher.group(1), matcher.group(2), matcher.group(3), matcher.group(4)));
    }
    return examples;
  }

  @Test
  void every_example_does_what_the_page_says() throws Exception {
    List<Example> examples = examples();
    assertThat(examples).hasSizeGreaterThan(8);
    try (Sandbox sandbox = new Sandbox()) {
      var server = sandbox.closed(Sandbox.startServer("b-1"));
      ControlPlane plane = sandbox.controlPlane("cp");
      sandbox.envoyStarting(
          "edge", io.bolina.controlplane.resources.EnvoyBootstrap.Protocol.INCREMENTAL);
      AdminPages admin = new AdminPages(plane.admin());
      String variables = "";
      for (Example example : examples) {
        if (example.id == null) {
          variables = example.commands; // what the others need
          continue;
        }
        run(variables + example.commands, sandbox, server.address().getPort());
        await(example.commands)
            .untilAsserted(
                () -> {
                  JsonNode shown = admin.json("/fleet").at("/services/0/servers/0");
                  assertThat(shown.path("id").asText()).isEqualTo(example.id);
                  assertThat(shown.path("status").asText()).isEqualTo(example.status);
                  // What stands behind it, such as "; load unknown", may be said in addition.
                  assertThat(shown.path("reason").asText()).startsWith(example.reason);
                });
      }
    }
  }

  private static void run(String commands, Sandbox sandbox, int port) throws Exception {
    Command.of("bash", "-euc", commands)
        .with("CONSUL", sandbox.consul().url().toString())
        .with("PORT", Integer.toString(port))
        .run();
  }
}
