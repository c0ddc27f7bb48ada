/**
 * Runs beside a server and speaks to the registry for it. What is said and when is decided by pure
 * functions ({@link io.bolina.agent.Silence}, {@link io.bolina.agent.LoadGate}, {@link
 * io.bolina.agent.Drain}); {@link io.bolina.agent.Agent} is the clockwork around them.
 */
package io.bolina.agent;
