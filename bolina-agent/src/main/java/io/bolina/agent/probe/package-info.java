/**
 * What an agent finds out itself about a server that does not report: each probe answers one
 * question, now and then.
 */
package io.bolina.agent.probe;
