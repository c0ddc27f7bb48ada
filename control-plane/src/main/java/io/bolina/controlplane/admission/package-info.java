/**
 * Who is open to new clients, with what weight, and why: a pure function of a fleet and settings.
 */
package io.bolina.controlplane.admission;
