package io.bolina.controlplane.gate;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/**
 * Makes and reads QUIC connection ids as draft-ietf-quic-load-balancers-21 has them, for people who
 * look for what is wrong; Envoys do it in the gate's module.
 */
public final class QuicLbCodec {
  private static final HexFormat HEX = HexFormat.of();
  private static final int BLOCK = 16;
  private static final int PASSES = 4;

  private final int serverIdLength;
  private final int nonceLength;
  private final Optional<SecretKeySpec> key;

  /**
   * What an id says.
   *
   * @param codepoint its upper three bits
   * @param serverId in hexadecimal
   * @param nonce in hexadecimal
   */
  public record Content(int codepoint, String serverId, String nonce) {}

  /**
   * Ids of some lengths.
   *
   * @param key 16 bytes; empty if ids are plain
   * @throws IllegalArgumentException if there are no such ids
   */
  public QuicLbCodec(int serverIdLength, int nonceLength, Optional<byte[]> key) {
    this.serverIdLength = serverIdLength;
    this.nonceLength = nonceLength;
    this.key =
        key.map(
            bytes -> {
              GateRules.require(bytes.length == BLOCK, "the key has not 16 bytes");
              return new SecretKeySpec(bytes, "AES");
            });
    // The same bounds, in the same words, as in the file of the gate's rules.
    new TokenRules.QuicLbConfig(0, serverIdLength, nonceLength, key.map(bytes -> "/"));
  }

  /**
   * An id. The lower five bits of its first byte are the length of the rest.
   *
   * @throws IllegalArgumentException if a length is not as configured
   */
  public byte[] encode(Content content) {
    GateRules.require(
        content.serverId().length() == 2 * serverIdLength,
        "the server id has not " + serverIdLength + " bytes");
    GateRules.require(
        content.nonce().length() == 2 * nonceLength, "the nonce has not " + nonceLength + " bytes");
    byte[] text = HEX.parseHex(content.serverId() + content.nonce());
    if (key.isPresent()) {
      text = text.length == BLOCK ? block(Cipher.ENCRYPT_MODE, text) : passes(text, true);
    }
    byte[] id = new byte[1 + text.length];
    id[0] = (byte) (content.codepoint() << 5 | text.length);
    System.arraycopy(text, 0, id, 1, text.length);
    return id;
  }

  /**
   * What an id says; bytes beyond its length are not looked at.
   *
   * @throws IllegalArgumentException if it is too short
   */
  public Content decode(byte[] id) {
    int length = serverIdLength + nonceLength;
    GateRules.require(
        id.length > length,
        "the connection id has " + id.length + " bytes; with these lengths it has " + (1 + length));
    byte[] text = Arrays.copyOfRange(id, 1, 1 + length);
    if (key.isPresent()) {
      text = length == BLOCK ? block(Cipher.DECRYPT_MODE, text) : passes(text, false);
    }
    return new Content(
        (id[0] & 0xff) >> 5,
        HEX.formatHex(text, 0, serverIdLength),
        HEX.formatHex(text, serverIdLength, length));
  }

  /** The Feistel network of four passes; the passes in the other order take it back. */
  private byte[] passes(byte[] text, boolean forward) {
    int half = (text.length + 1) / 2;
    byte[] left = Arrays.copyOf(text, half);
    byte[] right = Arrays.copyOfRange(text, text.length - half, text.length);
    clearShared(text.length, left, right);
    for (int i = 1; i <= PASSES; i++) {
      int pass = forward ? i : PASSES + 1 - i;
      byte[] from = pass % 2 == 1 ? left : right;
      byte[] to = pass % 2 == 1 ? right : left;
      byte[] block = Arrays.copyOf(from, BLOCK);
      block[BLOCK - 2] = (byte) text.length;
      block[BLOCK - 1] = (byte) pass;
      byte[] mask = block(Cipher.ENCRYPT_MODE, block);
      for (int b = 0; b < half; b++) {
        to[b] ^= mask[b];
      }
      clearShared(text.length, left, right);
    }
    byte[] joined = Arrays.copyOf(left, text.length);
    for (int b = 0; b < half; b++) {
      joined[text.length - half + b] |= right[b];
    }
    return joined;
  }

  /** Of an odd number of bytes the one in the middle is in both halves, half of it each. */
  private static void clearShared(int length, byte[] left, byte[] right) {
    if (length % 2 == 1) {
      left[left.length - 1] &= (byte) 0xf0;
      right[0] &= 0x0f;
    }
  }

  private byte[] block(int mode, byte[] block) {
    try {
      // One block of AES is what the draft asks for; no text of several is encrypted so.
      Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding");
      cipher.init(mode, key.orElseThrow());
      return cipher.doFinal(block);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has AES", e);
    }
  }
}
