/** How an agent checks a server that does not report by itself. */
package io.bolina.agent.probe;
