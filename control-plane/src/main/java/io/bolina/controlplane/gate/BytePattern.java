package io.bolina.controlplane.gate;

import java.util.HexFormat;
import java.util.List;

/**
 * Bytes that must stand at an offset of every datagram.
 *
 * @param name what the log calls it
 * @param offset where they begin, 0 to 65507
 * @param anyOf what may stand there, in hexadecimal, all of one length of 1 to 64 bytes
 * @param mask which of their bits count, in hexadecimal, of the same length
 */
public record BytePattern(String name, int offset, List<String> anyOf, String mask) {
  static final int LONGEST = 64;

  public BytePattern {
    GateRules.requireName(name);
    GateRules.require(offset >= 0 && offset <= GateRules.LARGEST, "offset is not 0 to 65507");
    GateRules.require(!anyOf.isEmpty(), "bytes are missing");
    anyOf = List.copyOf(anyOf);
    List<Integer> lengths = anyOf.stream().map(text -> bytes("bytes", text).length).toList();
    int length = bytes("mask", mask).length;
    GateRules.require(length >= 1 && length <= LONGEST, "bytes are not 1 to " + LONGEST);
    for (int i = 0; i < anyOf.size(); i++) {
      GateRules.require(
          lengths.get(i) == length,
          "bytes '" + anyOf.get(i) + "' and mask '" + mask + "' differ in length");
    }
  }

  private static byte[] bytes(String field, String hexadecimal) {
    try {
      return HexFormat.of().parseHex(hexadecimal);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          field + " '" + hexadecimal + "' is not hexadecimal, two digits a byte, such as \"b0 11\"",
          e);
    }
  }
}
