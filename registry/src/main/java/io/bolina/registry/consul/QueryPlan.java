package io.bolina.registry.consul;

import com.orbitz.consul.option.ConsistencyMode;
import java.math.BigInteger;

/**
 * What a watch asks next: a value, so that every order of answers and faults can be tried.
 *
 * <p>After any fault it asks anew, without an index, and consistently: a Consul that lost its data
 * would hold a question with the old index until the wait is over, and one that was just elected
 * answers stale questions before it has replayed its log. Nor does it ask the streaming backend of
 * the agent for a while: that goes on with the view that it had, and its index, until it is
 * connected again, which takes it up to two minutes.
 *
 * @param index from which on an answer is awaited; {@link ConsulIndex#NONE} for an answer at once
 * @param mode how consistent the answer has to be
 * @param leaderless whether an answer is good enough that comes from servers without a leader: what
 *     a consistent question has just been refused for
 * @param plain whether to go past the agent's streaming backend, of which the view may be from
 *     before a fault
 * @param known the index of the last answer that was followed
 * @param entries how many entries that had
 */
record QueryPlan(
    BigInteger index,
    ConsistencyMode mode,
    boolean leaderless,
    boolean plain,
    BigInteger known,
    int entries) {

  /**
   * Before the first answer there is no index that would show that it is too old, and no telling
   * what happened just before.
   */
  static final QueryPlan FIRST =
      new QueryPlan(ConsulIndex.NONE, ConsistencyMode.CONSISTENT, false, true, ConsulIndex.NONE, 0);

  /** What is made of an answer. */
  enum Use {
    /** It is new. */
    FOLLOW,
    /** It confirms the last one. */
    CONFIRM,
    /** It proves nothing; another question has to be asked. */
    ASK_OTHERWISE,
    /** It is older than what is known, and there is no leader to ask. */
    TOO_OLD
  }

  /** Without what a plain answer must be compared with. */
  boolean isAnew() {
    return index.equals(ConsulIndex.NONE);
  }

  /**
   * Judges an answer.
   *
   * @param received its index
   * @param count how many entries it has
   * @param streamed whether it is one of those that do not say whether ACLs filtered it
   */
  Use use(BigInteger received, int count, boolean streamed) {
    if (leaderless) {
      return received.compareTo(known) < 0 ? Use.TOO_OLD : Use.FOLLOW;
    }
    if (streamed && count < entries && !isAnew()) {
      // Whether servers left or a right was lost, only a plain question shows.
      return Use.ASK_OTHERWISE;
    }
    if (received.compareTo(known) < 0 && mode != ConsistencyMode.CONSISTENT) {
      // A server that has just become leader answers before it has replayed its log, with what it
      // has so far: often nothing. It refuses a consistent read until then.
      return Use.ASK_OTHERWISE;
    }
    return !isAnew() && received.equals(index) ? Use.CONFIRM : Use.FOLLOW;
  }

  /** The question that tells what an answer of the given index did not. */
  QueryPlan otherwise(BigInteger received) {
    boolean backwards = received.compareTo(known) < 0;
    return new QueryPlan(
        ConsulIndex.NONE,
        backwards ? ConsistencyMode.CONSISTENT : mode,
        false,
        plain || backwards,
        known,
        entries);
  }

  /** After an answer that is followed, or confirms the last one. */
  QueryPlan after(BigInteger received, int count) {
    if (leaderless) {
      return new QueryPlan(
          ConsulIndex.NONE, ConsistencyMode.CONSISTENT, false, plain, received, count);
    }
    // An index of 0 would never block.
    BigInteger next = received.max(BigInteger.ONE);
    return new QueryPlan(next, ConsistencyMode.STALE, false, plain, next, count);
  }

  /** After an answer that was older than the bound: the leader knows better. */
  QueryPlan askLeader() {
    return new QueryPlan(index, ConsistencyMode.DEFAULT, false, plain, known, entries);
  }

  /** After any fault. */
  QueryPlan afterFault() {
    return new QueryPlan(ConsulIndex.NONE, ConsistencyMode.CONSISTENT, false, true, known, entries);
  }

  /** After a fault that is only that the servers have no leader: what can be had without one. */
  QueryPlan withoutLeader() {
    return new QueryPlan(ConsulIndex.NONE, ConsistencyMode.STALE, true, true, known, entries);
  }

  /** Long enough after any fault: the agent's view is its servers' again. */
  QueryPlan streaming() {
    return plain ? new QueryPlan(index, mode, leaderless, false, known, entries) : this;
  }
}
