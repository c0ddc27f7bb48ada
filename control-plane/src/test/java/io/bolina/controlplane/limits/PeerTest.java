package io.bolina.controlplane.limits;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PeerTest {
  private static Peer at(String address) throws UnknownHostException {
    return Peer.at(new InetSocketAddress(InetAddress.getByName(address), 4_000));
  }

  @Test
  void ports_do_not_tell_peers_apart_and_of_ipv6_only_the_network_does() throws Exception {
    assertThat(at("10.0.0.1").network()).isEqualTo("10.0.0.1");
    assertThat(at("10.0.0.1").address()).isEqualTo("10.0.0.1:4000");
    assertThat(at("2001:db8:0:1::1").network())
        .isEqualTo(at("2001:db8:0:1:ffff::2").network())
        .isNotEqualTo(at("2001:db8:0:2::1").network());
  }

  @Test
  void a_peer_may_have_so_many_and_all_together_so_many() throws Exception {
    PeerCounts counts = new PeerCounts("streams", new XdsLimits.Most(3, 2));
    assertThat(counts.open(at("10.0.0.1"))).isEmpty();
    assertThat(counts.open(at("10.0.0.1"))).isEmpty();
    assertThat(counts.open(at("10.0.0.1"))).isEqualTo(Optional.of("peer-streams"));
    assertThat(counts.full()).isFalse();
    assertThat(counts.open(at("10.0.0.2"))).isEmpty();
    assertThat(counts.full()).isTrue();
    assertThat(counts.open(at("10.0.0.3"))).isEqualTo(Optional.of("streams"));
    counts.close(at("10.0.0.1"));
    assertThat(counts.open(at("10.0.0.3"))).isEmpty();
    assertThat(counts.all()).isEqualTo(3);
  }

  @Test
  void requests_are_paid_for_with_time() {
    RequestRate rate = new RequestRate(0);
    int taken = 0;
    while (!rate.isOver(0)) {
      rate = rate.after(0, 10);
      taken++;
    }
    assertThat(taken).isBetween(100, 101);
    assertThat(rate.isOver(500_000_000L)).isFalse();
  }
}
