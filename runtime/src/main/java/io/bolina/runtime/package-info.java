/** What all of Bolina's programs share. */
package io.bolina.runtime;
