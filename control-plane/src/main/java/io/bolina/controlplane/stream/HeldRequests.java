package io.bolina.controlplane.stream;

import com.google.protobuf.Message;
import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.controlplane.cache.ConfigWatcher;
import io.envoyproxy.controlplane.cache.DeltaResponse;
import io.envoyproxy.controlplane.cache.DeltaWatch;
import io.envoyproxy.controlplane.cache.DeltaXdsRequest;
import io.envoyproxy.controlplane.cache.Response;
import io.envoyproxy.controlplane.cache.VersionedResource;
import io.envoyproxy.controlplane.cache.Watch;
import io.envoyproxy.controlplane.cache.WatchCancelledException;
import io.envoyproxy.controlplane.cache.XdsRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The requests that wait for something new to say. An Envoy asks again only after it has answered
 * the last response, so each stream has at most one response per type under way: a slow or silent
 * Envoy costs no more than that and holds up nobody.
 */
final class HeldRequests implements ConfigWatcher {
  private static final Logger log = LoggerFactory.getLogger(HeldRequests.class);

  private final Set<Held> held = ConcurrentHashMap.newKeySet();
  private volatile Editions served;

  /** Serves something new. Before the first call, every request waits. */
  void serve(Editions now) {
    served = now;
    held.forEach(Held::offer);
  }

  @Override
  public Watch createWatch(
      boolean ads,
      XdsRequest request,
      Set<String> knownResourceNames,
      Consumer<Response> responseConsumer,
      boolean hasClusterChanged,
      boolean allowDefaultEmptyEdsUpdate) {
    EnvoyStream stream = EnvoyStream.current();
    String type = stream.typeOf(request.getTypeUrl());
    Subscription.StateOfTheWorld subscription = stream.stateOfTheWorld(type);
    subscription.request(request.v3Request());
    if (hasClusterChanged && type.equals(XdsTypes.ENDPOINT)) {
      // A cluster that was just sent waits for its servers, even if they are the same ones.
      subscription.owe();
    }
    Watch watch = new Watch(ads, allowDefaultEmptyEdsUpdate, request, responseConsumer);
    hold(new HeldStateOfTheWorld(stream, subscription, watch), type, watch::setStop);
    return watch;
  }

  @Override
  public DeltaWatch createDeltaWatch(
      DeltaXdsRequest request,
      String requesterVersion,
      Map<String, String> resourceVersions,
      Set<String> pendingResources,
      boolean isWildcard,
      Consumer<DeltaResponse> responseConsumer,
      boolean hasClusterChanged) {
    EnvoyStream stream = EnvoyStream.current();
    String type = stream.typeOf(request.getTypeUrl());
    DeltaWatch watch =
        new DeltaWatch(
            request,
            resourceVersions,
            pendingResources,
            requesterVersion,
            isWildcard,
            responseConsumer);
    hold(new HeldIncremental(stream, type, watch), type, watch::setStop);
    return watch;
  }

  private void hold(Held request, String type, Consumer<Runnable> onStop) {
    if (!XdsTypes.isServed(type)) {
      return;
    }
    onStop.accept(() -> held.remove(request));
    held.add(request);
    request.offer();
  }

  /** A request that is answered at most once. */
  private abstract class Held {
    private final EnvoyStream stream;
    private boolean done;

    private Held(EnvoyStream stream) {
      this.stream = stream;
    }

    final void offer() {
      Editions now = served;
      if (now == null) {
        return;
      }
      synchronized (this) {
        try {
          if (!done && isOpen() && respond(now.of(stream.edition()))) {
            done = true;
            held.remove(this);
          }
        } catch (RuntimeException e) {
          // A stream that ended this very moment must not keep the others from being told.
          done = true;
          held.remove(this);
          log.debug("a stream could not be told", e);
        }
      }
    }

    abstract boolean isOpen();

    /** Answers if there is something to say, and returns whether it did. */
    abstract boolean respond(Served now);
  }

  private final class HeldStateOfTheWorld extends Held {
    private final Subscription.StateOfTheWorld subscription;
    private final Watch watch;

    private HeldStateOfTheWorld(
        EnvoyStream stream, Subscription.StateOfTheWorld subscription, Watch watch) {
      super(stream);
      this.subscription = subscription;
      this.watch = watch;
    }

    @Override
    boolean isOpen() {
      return !watch.isCancelled();
    }

    @Override
    boolean respond(Served now) {
      Optional<Served.Selection> next = subscription.next(now);
      if (next.isEmpty()) {
        return false;
      }
      List<Message> messages = new ArrayList<>();
      next.get().resources().forEach(resource -> messages.add(resource.message()));
      try {
        watch.respond(Response.create(watch.request(), messages, next.get().version()));
      } catch (WatchCancelledException e) {
        // A newer request of the same stream took this one's place; it must get what this one did
        // not.
        subscription.owe();
      }
      return true;
    }
  }

  private final class HeldIncremental extends Held {
    private final EnvoyStream stream;
    private final String type;
    private final DeltaWatch watch;

    private HeldIncremental(EnvoyStream stream, String type, DeltaWatch watch) {
      super(stream);
      this.stream = stream;
      this.type = type;
      this.watch = watch;
    }

    @Override
    boolean isOpen() {
      return !watch.isCancelled();
    }

    @Override
    boolean respond(Served now) {
      Subscription.Incremental subscription = stream.incremental(type);
      Subscription.Incremental.Changes next = subscription.next(now);
      if (next.none()) {
        return false;
      }
      Map<String, VersionedResource<?>> changed = new LinkedHashMap<>();
      for (ServedResource resource : next.changed()) {
        changed.put(
            resource.name(), VersionedResource.create(resource.message(), resource.version()));
      }
      Set<String> names = new HashSet<>(changed.keySet());
      try {
        watch.respond(
            DeltaResponse.create(
                watch.request(), changed, next.removed(), now.all(type).version()));
        if (type.equals(XdsTypes.CLUSTER)) {
          repeatEndpoints(names);
        }
      } catch (WatchCancelledException e) {
        names.addAll(next.removed());
        subscription.forget(names);
      }
      return true;
    }

    /** A cluster that was just sent waits for its servers, even if they are the same ones. */
    private void repeatEndpoints(Set<String> clusters) {
      stream.incremental(XdsTypes.ENDPOINT).forget(clusters);
      held.stream()
          .filter(other -> other instanceof HeldIncremental)
          .map(other -> (HeldIncremental) other)
          .filter(other -> other.stream == stream && other.type.equals(XdsTypes.ENDPOINT))
          .forEach(Held::offer);
    }
  }
}
