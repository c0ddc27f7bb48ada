/** The admin pages: health, readiness, metrics, and the fleet as it is decided and served. */
package io.bolina.controlplane.admin;
