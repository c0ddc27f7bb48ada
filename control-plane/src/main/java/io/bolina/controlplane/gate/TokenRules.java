package io.bolina.controlplane.gate;

import io.bolina.registry.ServerToken;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Where the datagrams of a service name their server (docs/tokens.md): at a place of their own, or
 * in a QUIC connection id, or nowhere.
 *
 * @param place the place of their own
 * @param quicLb the configurations of connection ids
 */
public record TokenRules(Optional<TokenPlace> place, List<QuicLbConfig> quicLb) {
  public static final TokenRules NONE = new TokenRules(Optional.empty(), List.of());

  /** Of servers that were made for the Network Load Balancer of AWS. */
  static final List<QuicLbConfig> AWS_NLB =
      IntStream.range(0, QuicLbConfig.CODEPOINTS)
          .mapToObj(codepoint -> new QuicLbConfig(codepoint, 8, 0, Optional.empty()))
          .toList();

  public TokenRules {
    quicLb = List.copyOf(quicLb);
    GateRules.require(
        place.isEmpty() || quicLb.isEmpty(), "token and quic-lb are both given; one is needed");
    GateRules.require(
        quicLb.stream().map(QuicLbConfig::codepoint).distinct().count() == quicLb.size(),
        "quic-lb: a codepoint is given twice");
  }

  /** How many bytes of tokens are read. */
  public List<Integer> lengths() {
    return Stream.concat(
            place.stream().map(TokenPlace::length),
            quicLb.stream().map(QuicLbConfig::serverIdLength))
        .distinct()
        .toList();
  }

  /**
   * A place of their own.
   *
   * @param offset bytes from the front of the datagram; if negative, from its end
   * @param length how many bytes, 1 to 16
   * @param only only datagrams like this have a token
   */
  public record TokenPlace(int offset, int length, Optional<BytePattern> only) {
    public TokenPlace {
      GateRules.require(
          length >= 1 && length <= ServerToken.LONGEST,
          "length is not 1 to " + ServerToken.LONGEST);
      GateRules.require(
          Math.abs((long) offset) <= GateRules.LARGEST, "offset is not -65507 to 65507");
      GateRules.require(
          offset >= 0 || -offset >= length,
          "offset " + offset + " is nearer to the end than its length of " + length);
    }
  }

  /**
   * What stands in the connection ids that carry a codepoint.
   *
   * @param codepoint their upper three bits, 0 to 6
   * @param serverIdLength bytes of the server id, 1 to 15
   * @param nonceLength bytes of the nonce, 4 to 18 (0 in ids made for AWS' balancer)
   * @param keyFile a file on each Envoy's machine with the key; empty if ids are plain
   */
  public record QuicLbConfig(
      int codepoint, int serverIdLength, int nonceLength, Optional<String> keyFile) {
    static final int CODEPOINTS = 7;
    private static final int LONGEST_ID = 20;

    public QuicLbConfig {
      GateRules.require(
          codepoint >= 0 && codepoint < CODEPOINTS, "codepoint is not 0 to 6 (7 names no server)");
      GateRules.require(
          serverIdLength >= 1 && serverIdLength <= 15, "server-id-length is not 1 to 15");
      boolean aws = serverIdLength == 8 && nonceLength == 0 && keyFile.isEmpty();
      GateRules.require(
          aws || (nonceLength >= 4 && serverIdLength + nonceLength < LONGEST_ID),
          "nonce-length is not 4 to "
              + (LONGEST_ID - 1 - serverIdLength)
              + ": a connection id has at most 20 bytes, one of them the first");
      GateRules.require(
          keyFile.isEmpty() || keyFile.get().startsWith("/"),
          "key-file is no absolute path on the Envoys' machines");
    }
  }
}
