package io.bolina.it.kubernetes;

import org.junit.platform.suite.api.SelectClasses;
import org.junit.platform.suite.api.Suite;

/**
 * All that needs a Kubernetes, one after the other in one JVM, while another has the rest. (Any one
 * of them can be run by its name.)
 */
@Suite
@SelectClasses({WatcherEndToEndIT.class, WatcherIT.class, WatcherFaultIT.class})
class KubernetesIT {}
