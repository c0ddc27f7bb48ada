package io.bolina.it.kubernetes;

import org.junit.platform.suite.api.SelectClasses;
import org.junit.platform.suite.api.Suite;

/**
 * What needs a Kubernetes, one after the other in one JVM, while others have the rest. (Any one of
 * them can be run by its name.) Beside it goes ChartEndToEndIT, on the same cluster; who stops
 * parts of the cluster comes last, and waits for it.
 */
@Suite
@SelectClasses({WatcherIT.class, ChartIT.class, WatcherFaultIT.class})
class KubernetesIT {}
