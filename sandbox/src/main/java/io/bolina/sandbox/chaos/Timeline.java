package io.bolina.sandbox.chaos;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What was so from when to when, by {@link System#nanoTime}. */
final class Timeline {
  private final List<Span> spans = new ArrayList<>();

  /** Something that is so until it is ended. */
  static final class Span {
    private final String what;
    private final String subject;
    private final long from;
    private volatile long to = Long.MAX_VALUE;

    private Span(String what, String subject, long from) {
      this.what = what;
      this.subject = subject;
      this.from = from;
    }

    String what() {
      return what;
    }

    String subject() {
      return subject;
    }

    long from() {
      return from;
    }

    void end() {
      if (to == Long.MAX_VALUE) {
        to = System.nanoTime();
      }
    }

    boolean meets(long since, long until) {
      return from <= until && to >= since;
    }

    /** For how many nanoseconds it was so between two times. */
    private long within(long since, long until) {
      return Math.max(0, Math.min(to, until) - Math.max(from, since));
    }

    private boolean covers(long since, long until) {
      return from <= since && to >= until;
    }
  }

  synchronized Span begin(String what, String subject) {
    Span span = new Span(what, subject, System.nanoTime());
    spans.add(span);
    return span;
  }

  /** Those of which a part lies between two times. */
  synchronized List<Span> during(long since, long until) {
    return spans.stream().filter(s -> s.meets(since, until)).toList();
  }

  /** That of a subject which lasted from one time to another, at least. */
  synchronized Optional<Span> throughout(String subject, long since, long until) {
    return spans.stream()
        .filter(s -> s.subject.equals(subject) && s.covers(since, until))
        .findFirst();
  }

  /**
   * How many of the nanoseconds between two times a subject had one; it never has two at a time.
   */
  synchronized long spent(String subject, long since, long until) {
    return spans.stream()
        .filter(s -> s.subject.equals(subject))
        .mapToLong(s -> s.within(since, until))
        .sum();
  }

  /** Whether a subject has one of which a part lies between two times. */
  boolean had(String subject, long since, long until) {
    return during(since, until).stream().anyMatch(s -> s.subject.equals(subject));
  }
}
