/** A real Kubernetes: of our own, or whichever KUBECONFIG names. */
package io.bolina.sandbox.kubernetes;
