/**
 * Reading a registry ({@link io.bolina.registry.Registry}) and writing to it ({@link
 * io.bolina.registry.Registrar}, {@link io.bolina.registry.DrainOrders}). The values are in {@code
 * model}, what is made of a registry's answers in {@code fleet}, the registries in {@code consul}
 * and {@code memory}.
 */
package io.bolina.registry;
