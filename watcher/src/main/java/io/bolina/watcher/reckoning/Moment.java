package io.bolina.watcher.reckoning;

import java.time.Instant;

/**
 * Now, and how far what servers have said lies behind it.
 *
 * @param loadsAsOf when the registry last confirmed their load reports: what it said before an
 *     order was given tells nothing of what came of it
 */
record Moment(Instant now, Instant loadsAsOf) {

  static Moment of(Situation situation) {
    Instant now = situation.now();
    Instant heard = situation.fleet().load().lastUpdate().orElse(Instant.EPOCH);
    return new Moment(now, heard.isAfter(now) ? now : heard);
  }
}
