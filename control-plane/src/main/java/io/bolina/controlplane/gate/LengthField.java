package io.bolina.controlplane.gate;

/**
 * A field that has the datagram's size: its value times {@code unit} plus {@code plus} must be the
 * size.
 *
 * @param name what the log calls it
 * @param offset where it begins, 0 to 65507
 * @param width its bytes, 1 to 4
 * @param bigEndian whether its last byte counts least, as in most protocols
 * @param unit how many bytes one stands for, 1 to 65536
 * @param plus how many bytes it does not count, such as those of a header, 0 to 65536
 */
public record LengthField(
    String name, int offset, int width, boolean bigEndian, int unit, int plus) {

  public LengthField {
    GateRules.requireName(name);
    GateRules.require(offset >= 0 && offset <= GateRules.LARGEST, "offset is not 0 to 65507");
    GateRules.require(width >= 1 && width <= 4, "width is not 1 to 4 (bytes)");
    GateRules.require(unit >= 1 && unit <= 65_536, "unit is not 1 to 65536");
    GateRules.require(plus >= 0 && plus <= 65_536, "plus is not 0 to 65536");
  }
}
