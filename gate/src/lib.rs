//! The gate: Bolina's barrier in front of Envoy's UDP sessions.
//!
//! Envoy asks it about every datagram before a session is looked up or made. What it asks is in
//! [`envoy`]; everything else here knows nothing of Envoy, so that it can be tested and fuzzed
//! alone:
//!
//! * [`rules`]: what a service's datagrams must look like, as the control plane sends it
//! * [`packet`]: a datagram, read within its bounds
//! * [`network`]: lists of source networks
//! * [`rate`]: a rate limit in one machine word
//! * [`standing`]: how a client earns its place among those who are known
//! * [`sources`], [`known`], [`homes`]: tables of fixed size for sources that are limited, clients that
//!   are known, and their servers
//! * [`gate`]: the decision about one datagram, and the state that outlives a change of rules
//! * [`token`], [`quic_lb`]: which server a datagram says that it is for
//! * [`maglev`], [`directory`]: the server that it gets
//! * [`shared`]: tables that outlive the process
//! * [`samples`]: which rejections are logged

mod clients;
pub mod directory;
pub mod envoy;
#[cfg(test)]
mod floods;
pub mod gate;
pub mod homes;
pub mod known;
pub mod maglev;
pub mod network;
pub mod packet;
pub mod quic_lb;
pub mod rate;
pub mod rules;
pub mod samples;
pub mod shared;
pub mod sources;
pub mod standing;
mod table;
pub mod token;
