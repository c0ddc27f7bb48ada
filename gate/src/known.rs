//! The clients that are known: those of which a datagram was let through a short while ago. The
//! gate cannot see Envoy's sessions, so this is how it tells a first packet from a later one.

pub use crate::clients::Forgot;
pub use crate::standing::Seconds;

use crate::clients::Clients;
use crate::shared::Keep;
use crate::standing::Standing;
use std::net::IpAddr;

/// The known clients of one service. Nothing but their standing is remembered.
pub struct Known {
    clients: Clients<()>,
}

impl Known {
    /// A table of at least so many clients. Each takes 32 bytes.
    pub fn new(capacity: usize) -> Self {
        Known { clients: Clients::new(capacity) }
    }

    /// The same, that outlives the process if it can be kept; and who was known when the table was
    /// of another size, if it was. `failed` is told why it cannot be kept.
    pub fn kept(capacity: usize, keep: &Keep, failed: impl FnOnce(String)) -> (Self, Option<Self>) {
        let (clients, before) = Clients::kept(capacity, keep, "known", failed);
        (Known { clients }, before.map(|clients| Known { clients }))
    }

    /// How many clients there is room for.
    pub fn capacity(&self) -> usize {
        self.clients.capacity()
    }

    /// Whether a client sent within the last `kept` seconds; if so, it has sent just now.
    ///
    /// * `vouched` tells whether a server has let it in before
    pub fn met(
        &self,
        address: IpAddr,
        port: u16,
        now: Seconds,
        kept: Seconds,
        vouched: impl FnOnce() -> bool,
    ) -> bool {
        self.clients.met((address, port), now, kept, vouched).is_some()
    }

    /// The standing of a client that sent within the last `kept` seconds.
    pub fn standing(
        &self,
        address: IpAddr,
        port: u16,
        now: Seconds,
        kept: Seconds,
    ) -> Option<Standing> {
        self.clients.recall((address, port), now, kept).map(|(standing, _)| standing)
    }

    /// Remembers a client that was let through.
    pub fn remember(&self, address: IpAddr, port: u16, now: Seconds, kept: Seconds) -> Forgot {
        self.remember_as(address, port, Standing::begun(now), now, kept)
    }

    /// The same of one that has standing from elsewhere.
    pub fn remember_as(
        &self,
        address: IpAddr,
        port: u16,
        standing: Standing,
        now: Seconds,
        kept: Seconds,
    ) -> Forgot {
        self.clients.admit((address, port), standing, now, kept).1
    }
}

#[cfg(test)]
impl Known {
    /// What stands in a client's slot.
    pub(crate) fn key_of(&self, address: IpAddr, port: u16) -> u64 {
        self.clients.key_of((address, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    #[test]
    fn a_client_is_known_by_address_and_port_for_a_while() {
        let known = Known::new(64);
        let met = |from, port, now| known.met(address(from), port, now, 60, || false);
        assert!(!met(1, 5, 10));
        assert_eq!(known.remember(address(1), 5, 10, 60), Forgot::Nobody);
        assert!(met(1, 5, 10));
        assert!(!met(1, 6, 10));
        assert!(!met(2, 5, 10));
        assert!(met(1, 5, 70), "60 s later");
        assert!(met(1, 5, 130), "it has sent again meanwhile");
        assert!(!met(1, 5, 191), "61 s of silence");
        assert_eq!(known.remember(address(1), 5, 191, 60), Forgot::Nobody);
        assert!(met(1, 5, 191));
        assert_eq!(known.capacity(), 64);
    }

    #[test]
    fn a_full_table_forgets_a_newcomer_first() {
        let known = Known::new(4);
        for n in 0..7 {
            known.remember(address(n), 1, 10, 600);
            known.met(address(n), 1, 70, 600, || false);
        }
        known.remember(address(7), 1, 100, 600);
        assert_eq!(known.remember(address(99), 1, 101, 600), Forgot::ANewcomer);
        known.met(address(99), 1, 200, 600, || false);
        assert_eq!(known.remember(address(100), 1, 201, 600), Forgot::AClient, "an eighth");
        assert!((0..7).all(|n| known.met(address(n), 1, 202, 600, || false)));
        assert!(!known.met(address(99), 1, 202, 600, || false));
        assert!(known.met(address(100), 1, 202, 600, || false));
    }
}
