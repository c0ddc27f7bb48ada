package io.bolina.launcher;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code bolina token}: which server a datagram names. */
@Command(
    name = "token",
    mixinStandardHelpOptions = true,
    subcommands = {TokenEncodeCommand.class, TokenDecodeCommand.class},
    subcommandsRepeatable = false,
    description = {
      "Makes and reads tokens and QUIC connection ids, which name a server (docs/tokens.md).",
      ""
    })
final class TokenCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing: encode or decode");
  }
}
