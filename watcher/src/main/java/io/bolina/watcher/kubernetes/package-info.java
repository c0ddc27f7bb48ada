/** The Kubernetes API, the only room of the Watcher that knows it. */
package io.bolina.watcher.kubernetes;
