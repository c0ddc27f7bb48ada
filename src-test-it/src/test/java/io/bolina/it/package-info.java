/** What is tested on the real parts. */
package io.bolina.it;
