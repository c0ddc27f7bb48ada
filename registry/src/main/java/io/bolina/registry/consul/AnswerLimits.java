package io.bolina.registry.consul;

import io.bolina.runtime.setting.SettingSource;

/**
 * What an answer of Consul's may have at most. One that has more is no answer: what was known
 * before stays.
 *
 * @param bytes of its body, unpacked; entries that are too large to be read do not count
 * @param entries of its list
 */
public record AnswerLimits(int bytes, int entries) {

  /** As they are set. */
  public static AnswerLimits of(SettingSource source) {
    return new AnswerLimits(
        source.get(ConsulOptions.MAX_ANSWER), source.get(ConsulOptions.MAX_ENTRIES));
  }

  ConsulFault tooManyBytes() {
    return new ConsulFault(
        "the answer has more than "
            + bytes
            + " bytes; if that is meant, raise consul-max-answer (and the heap, by BOLINA_JAVA_OPTS=-Xmx…)");
  }

  ConsulFault tooManyEntries() {
    return new ConsulFault(
        "the answer has more than "
            + entries
            + " entries; if that is meant, raise consul-max-entries (and the heap, by BOLINA_JAVA_OPTS=-Xmx…)");
  }
}
