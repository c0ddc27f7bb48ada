/** What Bolina is made of, beside what is known to be vulnerable. */
package io.bolina.it.supplychain;
