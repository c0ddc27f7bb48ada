/**
 * Runs beside a server: registers it, reports its health and load, drains it. {@link
 * io.bolina.agent.Agent} has one thread that owns an immutable {@link io.bolina.agent.AgentState};
 * {@code RegistrySync} keeps the registry in step with it. What is written and when is decided by
 * pure functions: {@link io.bolina.agent.ReportDeadlines}, {@link io.bolina.agent.LoadWritePolicy},
 * {@link io.bolina.agent.DrainPolicy}.
 */
package io.bolina.agent;
