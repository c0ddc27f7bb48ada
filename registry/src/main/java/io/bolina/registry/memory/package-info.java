/** A registry in memory, for unit tests and for the demo: it lists what was put into it. */
package io.bolina.registry.memory;
