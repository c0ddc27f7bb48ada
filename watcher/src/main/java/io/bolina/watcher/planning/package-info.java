/**
 * What a Watcher decides: how many pods there should be, which ones may go, which are replaced, and
 * when nothing may be changed. Pure functions of immutable values, without a clock, a thread or
 * I/O; {@link io.bolina.watcher.planning.Planner} is where to begin reading.
 */
package io.bolina.watcher.planning;
