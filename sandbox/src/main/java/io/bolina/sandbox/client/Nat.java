package io.bolina.sandbox.client;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands between clients and an Envoy as a network does that translates addresses: each client has
 * a door of its own, and what comes in by it goes on from an address and port that can be changed,
 * to an Envoy that can be changed, without the client's knowing.
 */
public final class Nat implements AutoCloseable {
  private static final int LARGEST_DATAGRAM = 65_535;
  private static final Logger log = LoggerFactory.getLogger(Nat.class);

  private final Selector selector = Selector.open();
  private final List<Mapping> mappings = new ArrayList<>();
  private volatile InetSocketAddress front;
  private int addresses;

  /** One client's. */
  private final class Mapping {
    private final DatagramChannel door;
    private volatile DatagramChannel outside;
    private volatile SocketAddress client;

    private Mapping() throws IOException {
      door = DatagramChannel.open();
      door.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      outside = outside(nextAddress());
      watch(door);
      watch(outside);
    }

    private void watch(DatagramChannel channel) throws IOException {
      channel.configureBlocking(false);
      selector.wakeup();
      channel.register(selector, SelectionKey.OP_READ, this);
    }

    private void change(InetAddress address) throws IOException {
      DatagramChannel before = outside;
      DatagramChannel next = outside(address);
      watch(next);
      outside = next;
      before.close();
    }

    private void forward(DatagramChannel from, ByteBuffer buffer) throws IOException {
      SocketAddress sender = from.receive(buffer.clear());
      while (sender != null) {
        buffer.flip();
        if (from == door) {
          client = sender;
          outside.send(buffer, front);
        } else if (client != null) {
          door.send(buffer, client);
        }
        sender = from.receive(buffer.clear());
      }
    }
  }

  /**
   * Without any client.
   *
   * @param front the Envoy that clients are led to
   */
  public Nat(InetSocketAddress front) throws IOException {
    this.front = front;
    Thread thread = new Thread(this::run, "nat");
    thread.setDaemon(true);
    thread.start();
  }

  /** Where one more client is to send. */
  public synchronized InetSocketAddress door() throws IOException {
    Mapping mapping = new Mapping();
    mappings.add(mapping);
    return (InetSocketAddress) mapping.door.getLocalAddress();
  }

  /** Every client goes on from another port of its address. */
  public synchronized void changePorts() throws IOException {
    for (Mapping mapping : mappings) {
      mapping.change(((InetSocketAddress) mapping.outside.getLocalAddress()).getAddress());
    }
  }

  /** Every client goes on from another address. */
  public synchronized void changeAddresses() throws IOException {
    for (Mapping mapping : mappings) {
      mapping.change(nextAddress());
    }
  }

  /** Every client is led to another Envoy, from the address and port that it has. */
  public void leadTo(InetSocketAddress newFront) {
    front = newFront;
  }

  private InetAddress nextAddress() throws IOException {
    addresses++;
    return InetAddress.getByAddress(
        new byte[] {127, 78, (byte) (addresses / 250), (byte) (1 + addresses % 250)});
  }

  private static DatagramChannel outside(InetAddress address) throws IOException {
    DatagramChannel channel = DatagramChannel.open();
    channel.bind(new InetSocketAddress(address, 0));
    return channel;
  }

  private void run() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(LARGEST_DATAGRAM);
    while (selector.isOpen()) {
      try {
        selector.select(
            key -> {
              try {
                ((Mapping) key.attachment()).forward((DatagramChannel) key.channel(), buffer);
              } catch (IOException e) {
                // Of a port that has just been changed, or to an Envoy that is not there.
                log.atDebug().setCause(e).log("datagram lost");
              }
            });
      } catch (ClosedSelectorException e) {
        return; // closed
      } catch (IOException e) {
        throw new IllegalStateException("cannot wait for datagrams", e);
      }
    }
  }

  @Override
  public synchronized void close() throws IOException {
    selector.close();
    for (Mapping mapping : mappings) {
      mapping.door.close();
      mapping.outside.close();
    }
  }
}
