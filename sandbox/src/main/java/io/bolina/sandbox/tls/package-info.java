/** Certificates for tests, made by the JDK's keytool. */
package io.bolina.sandbox.tls;
