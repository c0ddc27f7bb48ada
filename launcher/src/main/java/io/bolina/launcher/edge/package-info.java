/** What the host of an Envoy must give it for so many sessions. */
package io.bolina.launcher.edge;
