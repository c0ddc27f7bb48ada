/** Clients that notice when their connection breaks. */
package io.bolina.sandbox.client;
