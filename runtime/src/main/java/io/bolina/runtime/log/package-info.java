/** Log lines: where they go, and what they look like. */
package io.bolina.runtime.log;
