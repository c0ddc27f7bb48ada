package io.bolina.agent;

import io.bolina.agent.probe.LifeSign;
import io.bolina.agent.probe.LifeSign.Sight;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Whether the server lives, as far as that is positively known: its process was seen to end, its
 * port refuses, or it said goodbye. Not to know is no such knowledge, and what the server itself
 * says is worth more than what was seen of it. Pure: a state, and what follows it.
 *
 * @param watched what each watch last saw
 * @param served whether it may have clients, so that its end is worth saying
 * @param end that it has ended; empty while it lives or nothing is known
 * @param backSince since when there is life again after an end
 * @param restarts how many processes have followed the first one
 * @param restartedAt when the last of them was noticed, as long as nothing good is known of it;
 *     else {@link Instant#EPOCH}
 */
record ServerLife(
    List<Watched> watched,
    boolean served,
    Optional<End> end,
    Optional<Instant> backSince,
    int restarts,
    Instant restartedAt) {

  /**
   * How long a process must be seen to have ended: two looks at least. A server that is back by
   * then, at the same address, keeps its clients, who would gain nothing by moving. Service
   * managers restart after 100 ms, if they are not told otherwise.
   */
  static final Duration ENDED_FOR = Duration.ofMillis(200);

  /**
   * How long a port must refuse while the process runs, which may be a new one that does not listen
   * yet.
   */
  static final Duration REFUSED_FOR = Duration.ofMillis(1_500);

  /**
   * The same of what was never seen alive by that watch: it may look at the wrong place, and a
   * server that lives has reported by then.
   */
  static final Duration UNPROVEN_FOR = Duration.ofSeconds(3);

  /** However seldom a server reports. */
  private static final Duration UNBOUND_AT_MOST = Duration.ofSeconds(5);

  /** How long there must be life again after an end: one that crashes again and again has none. */
  static final Duration BACK_FOR = Duration.ofSeconds(1);

  /** A report may be this long on its way: one that comes sooner after a sign may be older. */
  private static final Duration REPORT_DELAY = Duration.ofMillis(300);

  /** A server that answers for so long after its goodbye is another one. */
  private static final Duration GOODBYE_FOR = Duration.ofSeconds(10);

  ServerLife {
    watched = List.copyOf(watched);
  }

  /**
   * The end of the server.
   *
   * @param reason how it is known, for people
   * @param since when it was first seen
   * @param goodbye whether the server said so, and nothing was seen of it yet
   */
  record End(String reason, Instant since, boolean goodbye) {}

  /**
   * What one watch saw.
   *
   * @param since since when it has seen that
   * @param lastAlive the subject that it last saw alive; empty if none
   * @param proven whether it has ever seen one alive
   * @param disproved the subject whose end is no news: the server has reported since
   */
  record Watched(
      LifeSign sign, Instant since, String lastAlive, boolean proven, Optional<String> disproved) {
    static final Watched NOTHING =
        new Watched(LifeSign.UNKNOWN, Instant.EPOCH, "", false, Optional.empty());

    private Watched after(LifeSign next, Instant now) {
      Instant from = next.isSameAs(sign) ? since : now;
      return next.isLife()
          ? new Watched(next, from, next.subject(), true, Optional.empty())
          : new Watched(next, from, lastAlive, proven, disproved);
    }

    /** Whether it says that the server has ended, and was not wrong about that. */
    boolean saysEnd() {
      return sign.isEnd() && !disproved.equals(Optional.of(sign.subject()));
    }

    /** Whether it sees another process than it saw alive before. */
    private boolean isAnotherSince(Watched before) {
      return sign.isLife()
          && before.proven
          && (!sign.subject().equals(before.lastAlive) || before.saysEnd());
    }

    private Watched disprovedAt(Instant now, Duration delay) {
      if (!saysEnd()) {
        return this;
      }
      return now.isBefore(since.plus(delay))
          ? new Watched(sign, now, lastAlive, proven, disproved)
          : new Watched(sign, now, lastAlive, proven, Optional.of(sign.subject()));
    }

    private boolean isConfirmed(boolean processRuns, Duration unboundFor, Instant now) {
      Duration needed =
          switch (sign.sight()) {
            case REFUSED -> processRuns ? REFUSED_FOR : ENDED_FOR;
            case UNBOUND -> processRuns ? longer(REFUSED_FOR, unboundFor) : unboundFor;
            default -> ENDED_FOR;
          };
      if (!proven) {
        needed = longer(UNPROVEN_FOR, needed);
      }
      return saysEnd() && !now.isBefore(since.plus(needed));
    }
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) >= 0 ? one : other;
  }

  /** Nothing is known. */
  static ServerLife unknown() {
    return new ServerLife(List.of(), false, Optional.empty(), Optional.empty(), 0, Instant.EPOCH);
  }

  /** It has been open to clients, or was registered before this agent. */
  ServerLife mayHaveClients() {
    return served ? this : new ServerLife(watched, true, end, backSince, restarts, restartedAt);
  }

  /** The server has reported: whatever was seen of it before, it lives. */
  ServerLife reported(Instant now) {
    List<Watched> next = watched.stream().map(w -> w.disprovedAt(now, REPORT_DELAY)).toList();
    boolean back = end.isPresent();
    return new ServerLife(
        next,
        served,
        Optional.empty(),
        Optional.empty(),
        back ? restarts + 1 : restarts,
        Instant.EPOCH);
  }

  /** A probe has found the server well. */
  ServerLife foundWell() {
    return restartedAt.equals(Instant.EPOCH)
        ? this
        : new ServerLife(watched, served, end, backSince, restarts, Instant.EPOCH);
  }

  /** Whether it is another process than before, of which nothing good is known yet. */
  boolean isUntried() {
    return !restartedAt.equals(Instant.EPOCH);
  }

  /** The server says that it ends. */
  ServerLife saidGoodbye(String reason, Instant now) {
    return new ServerLife(
        watched,
        true,
        Optional.of(new End(reason, now, true)),
        Optional.empty(),
        restarts,
        restartedAt);
  }

  /**
   * The watches have looked.
   *
   * @param signs what each saw; empty for one that did not look this time
   * @param reportsEvery the longest time between two reports; empty if it is not known to report. A
   *     port that nobody has is that of a server that lives if it was only passed on, by somebody
   *     else than the server: it must have missed a report
   */
  ServerLife looked(List<Optional<LifeSign>> signs, Optional<Duration> reportsEvery, Instant now) {
    Duration unboundFor = unboundFor(reportsEvery);
    List<Watched> next = new ArrayList<>();
    boolean another = false;
    boolean answers = false;
    for (int i = 0; i < signs.size(); i++) {
      Watched before = i < watched.size() ? watched.get(i) : Watched.NOTHING;
      Watched after = signs.get(i).map(sign -> before.after(sign, now)).orElse(before);
      another |= after.isAnotherSince(before);
      answers |= signs.get(i).filter(s -> s.sight() == Sight.ANSWERING).isPresent();
      next.add(after);
    }
    if (answers) {
      next.replaceAll(w -> w.disprovedAt(now, Duration.ZERO));
    }
    boolean life = next.stream().anyMatch(w -> w.sign().isLife());
    boolean ended = next.stream().anyMatch(Watched::saysEnd);
    boolean over = another || ended;
    ServerLife seen =
        new ServerLife(
            next,
            served,
            end.map(e -> stillSaid(e, next, over, now)),
            backSince,
            another ? restarts + 1 : restarts,
            another ? now : restartedAt);
    if (end.isEmpty()) {
      return seen.withEnd(seen.confirmed(signs, unboundFor, now), Optional.empty());
    }
    if (seen.end.get().goodbye() || !life || ended) {
      return seen.withEnd(seen.end, Optional.empty());
    }
    Instant back = backSince.orElse(now);
    return now.isBefore(back.plus(BACK_FOR))
        ? seen.withEnd(seen.end, Optional.of(back))
        : new ServerLife(next, served, Optional.empty(), Optional.empty(), seen.restarts + 1, now);
  }

  private static Duration unboundFor(Optional<Duration> reportsEvery) {
    Duration missed =
        reportsEvery.map(i -> i.multipliedBy(5).dividedBy(4)).orElse(Duration.ofSeconds(1));
    return missed.compareTo(UNBOUND_AT_MOST) < 0 ? longer(ENDED_FOR, missed) : UNBOUND_AT_MOST;
  }

  /** A goodbye holds for the process that said it. */
  private static End stillSaid(End end, List<Watched> next, boolean over, Instant now) {
    boolean otherAnswers =
        !now.isBefore(end.since().plus(GOODBYE_FOR))
            && next.stream().anyMatch(w -> w.sign().sight() == Sight.ANSWERING)
            && next.stream().noneMatch(w -> w.sign().sight() == Sight.RUNNING);
    return new End(end.reason(), end.since(), end.goodbye() && !over && !otherAnswers);
  }

  /** Of those that looked this time: time alone confirms nothing. */
  private Optional<End> confirmed(
      List<Optional<LifeSign>> signs, Duration unboundFor, Instant now) {
    boolean runs = watched.stream().anyMatch(w -> w.sign().sight() == Sight.RUNNING);
    for (int i = 0; i < signs.size(); i++) {
      Watched w = watched.get(i);
      if (signs.get(i).isPresent() && w.isConfirmed(runs, unboundFor, now)) {
        return Optional.of(new End(w.sign().text(), w.since(), false));
      }
    }
    return Optional.empty();
  }

  private ServerLife withEnd(Optional<End> nextEnd, Optional<Instant> nextBackSince) {
    return new ServerLife(watched, served, nextEnd, nextBackSince, restarts, restartedAt);
  }

  /** Whether it has ended, though there may never have been clients of it. */
  boolean isOver() {
    return end.isPresent();
  }

  /** The end of a server that may have clients, which is to be said: they need another. */
  Optional<End> gone() {
    return served ? end : Optional.empty();
  }

  /** Whether something says that it has ended, which is to be looked at closely. */
  boolean isSuspect() {
    return end.isPresent() || watched.stream().anyMatch(Watched::saysEnd);
  }

  /** Why no new client may come: it has ended, or so it seems, or nothing listens. */
  Optional<String> closedBecause() {
    return end.map(End::reason)
        .or(
            () ->
                watched.stream()
                    .filter(w -> w.saysEnd() && (w.proven() || w.sign().sight() != Sight.ENDED))
                    .map(w -> w.sign().text())
                    .findFirst());
  }
}
