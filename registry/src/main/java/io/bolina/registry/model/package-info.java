/** What is known of the servers of a service: immutable values, with no I/O, clock or thread. */
package io.bolina.registry.model;
