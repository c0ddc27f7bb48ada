package io.bolina.controlplane.resources;

import com.google.common.hash.Hashing;
import io.bolina.controlplane.admission.Decision;
import io.bolina.registry.ServerToken;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The tokens of a service's servers, as Envoy's module gets them: in the metadata of a few
 * endpoints that are no servers. With each change of any server Envoy compares the metadata of all
 * of them, which costs it more than all else does, so servers have none as long as they are open.
 */
public final class TokenEndpoints {
  /**
   * Each costs Envoy 5 microseconds with each change of any server. A server's coming sends the
   * tokens of one: of 10,000 servers those of some 600, 30 KB.
   */
  private static final int COUNT = 16;

  private TokenEndpoints() {}

  /**
   * The token of a server as it is written down.
   *
   * @param number of the endpoint that has it, which depends on the server's address alone
   * @param text the server's address and token
   * @param fingerprint a hash of the text
   */
  public record Entry(int number, String text, long fingerprint) {
    /** The entry of a server. */
    public static Entry of(Decision decision) {
      var server = decision.member().server();
      String address = server.endpoint().toString();
      String text = address + "=" + ServerToken.of(server);
      return new Entry(Math.floorMod(hash(address), COUNT), text, hash(text));
    }

    private static long hash(String text) {
      return Hashing.sha256().hashString(text, StandardCharsets.UTF_8).asLong();
    }
  }

  /**
   * One endpoint.
   *
   * @param number tells it from the others
   * @param fingerprint a hash of its entries, whatever their order
   * @param entries whose tokens it has
   */
  public record Group(int number, long fingerprint, List<Entry> entries) {
    /** Its address, which is reserved, so that no server can have it. */
    public String address() {
      return "240.0.0." + (number + 1);
    }

    /** What its metadata says. */
    public String text() {
      return entries.stream().map(Entry::text).sorted().collect(Collectors.joining(" "));
    }
  }

  /** The endpoints that have the entries, in the order of their numbers. */
  public static Collection<Group> of(Collection<Entry> entries) {
    TreeMap<Integer, List<Entry>> groups = new TreeMap<>();
    for (Entry entry : entries) {
      groups.computeIfAbsent(entry.number(), n -> new ArrayList<>()).add(entry);
    }
    List<Group> all = new ArrayList<>(groups.size());
    groups.forEach(
        (number, of) ->
            all.add(new Group(number, of.stream().mapToLong(Entry::fingerprint).sum(), of)));
    return all;
  }
}
