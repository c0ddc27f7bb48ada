/** Faults at random around clients that count what becomes of them. */
package io.bolina.sandbox.chaos;
