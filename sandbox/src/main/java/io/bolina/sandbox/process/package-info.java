/** Child processes, and where the real parts are. */
package io.bolina.sandbox.process;
