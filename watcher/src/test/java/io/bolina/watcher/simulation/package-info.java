/**
 * A fleet, its clients and its Kubernetes, simulated second by second: to hold the Watcher's
 * decisions against days that no test cluster has time for.
 */
package io.bolina.watcher.simulation;
