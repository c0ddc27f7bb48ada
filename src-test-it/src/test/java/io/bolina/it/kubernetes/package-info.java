/** The Watcher on a real Kubernetes and a real Consul. */
package io.bolina.it.kubernetes;
