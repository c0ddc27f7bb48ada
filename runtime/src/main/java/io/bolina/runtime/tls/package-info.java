/** Certificates and keys in files. */
package io.bolina.runtime.tls;
