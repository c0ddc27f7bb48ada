package io.bolina.demo;

import io.bolina.registry.Registry;
import io.bolina.registry.model.Health;
import java.io.IOException;
import java.net.InetSocketAddress;

/** The registry of the demo: how servers are registered and report, and how it is made to fail. */
interface DemoRegistry extends AutoCloseable {
  /** How it is called in the output. */
  String name();

  /** The name under which the demo's servers are registered. */
  String service();

  /** A control plane's access to it. */
  Registry open();

  /**
   * Registers a server.
   *
   * @param token by which datagrams name it, in hexadecimal
   */
  void register(String id, InetSocketAddress address, String token) throws IOException;

  void deregister(String id) throws IOException;

  void health(String id, Health health, String output) throws IOException;

  void draining(String id, boolean draining) throws IOException;

  void load(String id, double load, long sessions) throws IOException;

  /** Orders for the gate: whether only known clients may pass. */
  void shields(boolean up) throws IOException;

  /** From now on control planes cannot reach it. */
  void cutOff();

  void reconnect();

  /** Leaves nothing behind in it. */
  @Override
  void close() throws IOException;
}
