/**
 * The Watcher: scales the pods of a fleet by what the registry says of its servers, and never at a
 * session's expense. {@link io.bolina.watcher.Watcher} is the clockwork; what it decides is in
 * {@code reckoning}, how it reaches Kubernetes in {@code kubernetes}.
 */
package io.bolina.watcher;
