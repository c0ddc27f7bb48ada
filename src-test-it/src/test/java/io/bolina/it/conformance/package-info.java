/** A foreign suite of the xDS protocol against this control plane, run by hand. */
package io.bolina.it.conformance;
