/**
 * What Kubernetes knows of the end of servers: a pod that is deleted, has failed, or has another
 * address. {@link io.bolina.watcher.gone.PodEnds} finds it out.
 */
package io.bolina.watcher.gone;
