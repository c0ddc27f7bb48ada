/**
 * What a Watcher decides: how many pods there should be, which ones may go, which are to be
 * replaced, and when to keep its hands off. Pure functions of immutable values, without a clock, a
 * thread or I/O; {@link io.bolina.watcher.reckoning.Reckoner} is where to begin reading.
 */
package io.bolina.watcher.reckoning;
