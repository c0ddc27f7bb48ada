/**
 * {@code bolina demo}: its environment, its steps, what it prints, and its result; and {@code
 * bolina server}.
 */
package io.bolina.demo;
