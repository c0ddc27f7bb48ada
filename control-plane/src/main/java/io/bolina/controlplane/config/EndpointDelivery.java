package io.bolina.controlplane.config;

/** How Envoys that can do either get the servers of a service. */
public enum EndpointDelivery {
  /** One by one, over incremental ADS: what a change costs does not grow with the fleet. */
  LEDS,
  /** All at once. */
  EDS
}
