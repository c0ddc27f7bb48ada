package io.bolina.sandbox.process;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Finds ports of 127.0.0.1 that nobody uses at this moment: neither by TCP nor by UDP, and below
 * those that the system gives to clients, so that none of them takes one before it is used. Each
 * process begins elsewhere, since several may look at once.
 */
public final class FreePort {
  private static final int LOWEST = 10_000;
  private static final int COUNT = 16_000;
  private static final AtomicInteger NEXT =
      new AtomicInteger((int) (ProcessHandle.current().pid() * 7_919 % COUNT));

  private FreePort() {}

  public static int tcp() throws IOException {
    return find();
  }

  public static int udp() throws IOException {
    return find();
  }

  private static int find() throws IOException {
    for (int tries = 0; tries < COUNT; tries++) {
      int port = LOWEST + Math.floorMod(NEXT.getAndIncrement(), COUNT);
      if (isFree(port)) {
        return port;
      }
    }
    throw new IOException("no port of 127.0.0.1 is free from " + LOWEST + " on");
  }

  private static boolean isFree(int port) {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    try (ServerSocket tcp = new ServerSocket();
        DatagramSocket udp = new DatagramSocket(null)) {
      tcp.bind(address);
      udp.bind(address);
      return true;
    } catch (IOException e) {
      return false; // somebody has it
    }
  }
}
