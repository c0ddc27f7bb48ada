/** Commands whose options are their settings. */
package io.bolina.runtime.command;
