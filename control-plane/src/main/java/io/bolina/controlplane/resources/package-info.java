/**
 * Decisions as Envoy resources. Each setting here is what keeps a session on its server;
 * docs/envoy-sessions.md says which fact each rests on.
 */
package io.bolina.controlplane.resources;
