/** A program's pages over HTTP. */
package io.bolina.runtime.http;
