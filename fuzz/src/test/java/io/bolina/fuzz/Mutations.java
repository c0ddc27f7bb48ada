package io.bolina.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Inputs made of others at random: the same ones for the same seed. */
final class Mutations {
  private static final List<String> WORDS =
      List.of(
          "{",
          "}",
          "[",
          "]",
          "\"",
          ":",
          ",",
          "null",
          "-1",
          "1e999",
          "2147483648",
          "\\ud800",
          "\\",
          "\u0000",
          "\n",
          "\r\n",
          "*",
          "=",
          "99999999999999999999",
          "\u202e",
          "NaN",
          "0x",
          "//");

  private final Random random;
  private final List<byte[]> seeds;

  Mutations(List<byte[]> seeds, long seed) {
    this.seeds = seeds;
    this.random = new Random(seed);
  }

  byte[] next() {
    byte[] input = seed();
    for (int i = random.nextInt(4); i >= 0; i--) {
      input = mutated(input);
    }
    return input;
  }

  private byte[] seed() {
    return seeds.get(random.nextInt(seeds.size())).clone();
  }

  private byte[] mutated(byte[] input) {
    int at = random.nextInt(input.length + 1);
    int to = Math.min(input.length, at + random.nextInt(16));
    switch (random.nextInt(6)) {
      case 0 -> {
        if (at < input.length) {
          input[at] ^= (byte) (1 << random.nextInt(8));
        }
        return input;
      }
      case 1 -> {
        return spliced(input, at, to, new byte[0]);
      }
      case 2 -> {
        byte[] word = WORDS.get(random.nextInt(WORDS.size())).getBytes(StandardCharsets.UTF_8);
        return spliced(input, at, random.nextBoolean() ? at : to, word);
      }
      case 3 -> {
        byte[] other = seed();
        int from = random.nextInt(other.length + 1);
        int until = from + random.nextInt(other.length - from + 1);
        return spliced(input, at, to, Arrays.copyOfRange(other, from, until));
      }
      case 4 -> {
        byte[] noise = new byte[1 + random.nextInt(8)];
        random.nextBytes(noise);
        return spliced(input, at, to, noise);
      }
      default -> {
        return Arrays.copyOf(input, at);
      }
    }
  }

  private static byte[] spliced(byte[] input, int at, int to, byte[] instead) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(input, 0, at);
    out.writeBytes(instead);
    out.write(input, to, input.length - to);
    return out.toByteArray();
  }
}
