//! What Envoy sees of the gate: a load balancing policy that balances nothing, whose configuration
//! is a service's rules, and a UDP listener filter that obeys them.
//!
//! That detour is what lets rules change under live sessions: Envoy ends every session of a
//! listener whose configuration changes, so rules cannot come with the filter. A cluster, on the
//! other hand, can change by itself. The control plane serves one for each service that has no
//! server and no session, only the rules (docs/gate.md has the whole story).

mod abi;
mod module;
mod policy;
