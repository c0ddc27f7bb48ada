package io.bolina.watcher;

import io.bolina.registry.Catalog;
import io.bolina.registry.DrainOrders;
import io.bolina.registry.GoneReports;

/**
 * What a Watcher writes to the registry with; whoever made them closes them.
 *
 * @param drainOrders orders to drain
 * @param goneReports which servers have ended with their pods
 * @param catalog entries that they leave behind
 */
public record RegistryWriters(DrainOrders drainOrders, GoneReports goneReports, Catalog catalog) {}
