//! The clients that are known: those of which a datagram was let through a short while ago. The
//! gate cannot see Envoy's sessions, so this is how it tells a first packet from a later one.
//!
//! The table has a fixed size. When a set is full, a new client takes the slot of, first, one that
//! is forgotten anyway; else of one that sent a single burst and no more, as made-up sources do;
//! only then of one that has come back. So a flood of first packets does not make the gate forget
//! those who were there before.

use crate::shared::{Keep, Shareable};
use crate::table::Table;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Set in a slot's word once its client has sent in two different seconds.
const CAME_BACK: u64 = 1 << 63;

/// Whole seconds since some beginning, from 1 on.
pub type Seconds = u64;

/// When a client last sent, in seconds, and [`CAME_BACK`].
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct Seen(AtomicU64);

// SAFETY: an atomic word; zero is never.
#[allow(unsafe_code)]
unsafe impl Shareable for Seen {}

impl Seen {
    /// Whether it sent within the last `kept` seconds; if so, it has sent just now.
    pub(crate) fn again(&self, now: Seconds, kept: Seconds) -> bool {
        let at = self.0.load(Relaxed) & !CAME_BACK;
        if now.saturating_sub(at) > kept {
            return false;
        }
        if at != now {
            // At most once a second, so that a line of memory is not written per packet.
            self.0.store(now | CAME_BACK, Relaxed);
        }
        true
    }

    /// A client has sent for the first time.
    pub(crate) fn first(&self, now: Seconds) {
        self.0.store(now, Relaxed);
    }

    /// What would be lost with a slot's client; 0 is nothing. The lower half is its age, so that of
    /// two alike the older one goes.
    pub(crate) fn worth(&self, now: Seconds, kept: Seconds) -> u64 {
        let seen = self.0.load(Relaxed);
        let at = seen & !CAME_BACK;
        if at == 0 || now.saturating_sub(at) > kept {
            0
        } else {
            seen
        }
    }
}

/// The known clients of one service.
pub struct Known {
    table: Table<Seen>,
}

/// Whom a new client's slot was taken from.
#[derive(Debug, PartialEq, Eq)]
pub enum Forgot {
    /// From nobody, or from one who was forgotten anyway.
    Nobody,
    /// From a client that was known.
    AClient,
}

impl Known {
    /// A table of at least so many clients. Each takes 16 bytes.
    pub fn new(capacity: usize) -> Self {
        Known { table: Table::new(capacity) }
    }

    /// The same, that outlives the process if it can be kept; and who was known when the table was
    /// of another size, if it was. `failed` is told why it cannot be kept.
    pub fn kept(capacity: usize, keep: &Keep, failed: impl FnOnce(String)) -> (Self, Option<Self>) {
        let (table, before) = Table::kept(capacity, keep, "known", failed);
        (Known { table }, before.map(|table| Known { table }))
    }

    /// How many clients there is room for.
    pub fn capacity(&self) -> usize {
        self.table.capacity()
    }

    /// Whether a client sent within the last `kept` seconds; if so, it has sent just now.
    pub fn met(&self, address: IpAddr, port: u16, now: Seconds, kept: Seconds) -> bool {
        let slot = self.table.find(self.table.key(address, port));
        slot.is_some_and(|slot| slot.value.again(now, kept))
    }

    /// Remembers a client that was let through.
    pub fn remember(&self, address: IpAddr, port: u16, now: Seconds, kept: Seconds) -> Forgot {
        let key = self.table.key(address, port);
        let found = self.table.find(key);
        let slot = found.unwrap_or_else(|| self.table.cheapest(key, |seen| seen.worth(now, kept)));
        let lost = if found.is_some() { 0 } else { slot.value.worth(now, kept) };
        slot.key.store(key, Relaxed);
        slot.value.first(now);
        if lost > 0 {
            Forgot::AClient
        } else {
            Forgot::Nobody
        }
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
        assert!(!known.met(address(1), 5, 10, 60));
        assert_eq!(known.remember(address(1), 5, 10, 60), Forgot::Nobody);
        assert!(known.met(address(1), 5, 10, 60));
        assert!(!known.met(address(1), 6, 10, 60));
        assert!(!known.met(address(2), 5, 10, 60));
        assert!(known.met(address(1), 5, 70, 60), "60 s later");
        assert!(known.met(address(1), 5, 130, 60), "it has sent again meanwhile");
        assert!(!known.met(address(1), 5, 191, 60), "61 s of silence");
        assert_eq!(known.remember(address(1), 5, 191, 60), Forgot::Nobody);
        assert!(known.met(address(1), 5, 191, 60));
    }

    #[test]
    fn a_flood_of_first_packets_makes_it_forget_nobody_who_came_back() {
        let known = Known::new(65_536);
        let clients = 10_000;
        for n in 0..clients {
            known.remember(address(n), 1, 10, 600);
        }
        // By chance a few sets have more clients than slots (one run in twenty has such a set).
        let met = (0..clients).filter(|n| known.met(address(*n), 1, 11, 600)).count();
        assert!(met >= clients as usize - 10, "{met} of {clients}");
        let mut forgot = 0;
        for n in 0..1_000_000u32 {
            let now = 12 + Seconds::from(n / 100_000);
            let forgotten = known.remember(address(0x8000_0000 + n), 2, now, 600);
            forgot += u32::from(forgotten == Forgot::AClient);
        }
        assert!(forgot > 900_000, "they push out one another: {forgot}");
        let still = (0..clients).filter(|n| known.met(address(*n), 1, 30, 600)).count();
        assert!(still >= met - 10, "{still} of {met}");
        assert_eq!(known.capacity(), 65_536);
    }

    #[test]
    fn a_full_set_forgets_the_oldest_first() {
        let known = Known::new(8);
        for n in 0..8 {
            known.remember(address(n), 1, 10 + Seconds::from(n), 600);
        }
        assert_eq!(known.remember(address(99), 1, 20, 600), Forgot::AClient);
        assert!(!known.met(address(0), 1, 20, 600));
        assert!((1..8).all(|n| known.met(address(n), 1, 20, 600)));
        assert!(known.met(address(99), 1, 20, 600));
    }
}
