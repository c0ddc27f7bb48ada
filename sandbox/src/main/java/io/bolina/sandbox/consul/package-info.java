/** The real Consul, what servers say to it, and a front that makes it fail. */
package io.bolina.sandbox.consul;
