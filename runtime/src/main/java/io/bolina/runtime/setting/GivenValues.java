package io.bolina.runtime.setting;

import java.util.List;

/**
 * The values of one setting as somebody gave them.
 *
 * @param where the option, variable or line that gave them
 */
record GivenValues(List<String> values, String where) {
  GivenValues {
    values = List.copyOf(values);
  }
}
