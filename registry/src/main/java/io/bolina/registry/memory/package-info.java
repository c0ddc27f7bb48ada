/** A registry in memory, for unit tests and for the demo: what it lists is what it is told. */
package io.bolina.registry.memory;
