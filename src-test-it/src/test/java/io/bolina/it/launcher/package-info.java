/** The command line, and the demo. */
package io.bolina.it.launcher;
