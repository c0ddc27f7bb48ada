/** The configuration of a control plane: its settings, and how they are read and checked. */
package io.bolina.controlplane.config;
