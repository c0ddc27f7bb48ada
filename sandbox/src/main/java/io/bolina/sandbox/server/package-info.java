/** The stand-in for a Bolina Server. */
package io.bolina.sandbox.server;
