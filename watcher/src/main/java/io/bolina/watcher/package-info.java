/**
 * The Watcher: scales the pods of a fleet by the servers' health and load in the registry, and
 * never at a session's expense. {@link io.bolina.watcher.Watcher} wires it; what it decides is in
 * {@code planning}, how it reaches Kubernetes in {@code kubernetes}.
 */
package io.bolina.watcher;
