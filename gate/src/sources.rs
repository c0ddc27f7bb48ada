//! Limits per source, in a table of fixed size.
//!
//! However many sources are made up, the table does not grow: a new source takes the slot of the
//! one in its set whose allowance is closest to whole, of which there is the least to remember.
//! Whoever floods is therefore the last to be forgotten.

use crate::rate::{Limit, Nanos, RateLimiter};
use crate::shared::{Keep, Shareable};
use crate::table::Table;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

/// What is taken from a source's allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A datagram.
    Packet,
    /// A datagram that begins a session.
    Session,
}

#[derive(Default)]
#[repr(C)]
struct Taken {
    packets: RateLimiter,
    sessions: RateLimiter,
}

// SAFETY: two limiters, each of which is an atomic word; zero has all of its allowance left.
#[allow(unsafe_code)]
unsafe impl Shareable for Taken {}

impl Taken {
    fn whole_at(&self) -> Nanos {
        self.packets.whole_at().max(self.sessions.whole_at())
    }
}

/// The sources of late, and how much each has taken.
pub struct Sources {
    table: Table<Taken>,
}

impl Sources {
    /// A table of at least so many sources. Each takes 24 bytes.
    pub fn new(capacity: usize) -> Self {
        Sources { table: Table::new(capacity) }
    }

    /// The same, that outlives the process if it can be kept; `failed` is told why it cannot.
    pub fn kept(capacity: usize, keep: &Keep, failed: impl FnOnce(String)) -> Self {
        Sources { table: Table::kept(capacity, keep, "sources", failed).0 }
    }

    /// How many sources there is room for.
    pub fn capacity(&self) -> usize {
        self.table.capacity()
    }

    /// Takes one from a source's allowance, if there is one left. `forgotten` is called when another
    /// source's used-up allowance had to be forgotten for this one.
    pub fn take(
        &self,
        source: IpAddr,
        what: What,
        limit: Limit,
        now: Nanos,
        forgotten: impl FnOnce(),
    ) -> bool {
        let taken = self.taken(self.table.key(source, 0), now, forgotten);
        match what {
            What::Packet => taken.packets.take(limit, now),
            What::Session => taken.sessions.take(limit, now),
        }
    }

    fn taken(&self, key: u64, now: Nanos, forgotten: impl FnOnce()) -> &Taken {
        if let Some(slot) = self.table.find(key) {
            return &slot.value;
        }
        // Two threads may give the same slot away at the same time; one source then starts anew.
        let slot = self.table.cheapest(key, Taken::whole_at);
        let taken = &slot.value;
        if taken.whole_at() > now {
            forgotten();
        }
        slot.key.store(key, Relaxed);
        taken.packets.reset();
        taken.sessions.reset();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const S: u64 = 1_000_000_000;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    #[test]
    fn each_source_has_its_own_allowance() {
        let sources = Sources::new(1024);
        let limit = Limit::new(1.0, 3);
        for n in 0..100 {
            let taken =
                (0..9).filter(|_| sources.take(address(n), What::Packet, limit, S, || ())).count();
            assert_eq!(taken, 3, "source {n}");
            assert!(sources.take(address(n), What::Session, limit, S, || ()), "sessions apart");
        }
    }

    #[test]
    fn who_floods_is_remembered_among_a_million_spoofed_sources() {
        let sources = Sources::new(4096);
        let limit = Limit::new(10.0, 20);
        let flooder = address(u32::MAX);
        let mut passed = 0;
        for n in 0..1_000_000u32 {
            // A microsecond each; the flooder sends every tenth datagram: in a second 100,000.
            let now = S + u64::from(n) * 1000;
            if n % 10 == 0 {
                passed += usize::from(sources.take(flooder, What::Session, limit, now, || ()));
            }
            sources.take(address(n), What::Session, limit, now, || ());
        }
        assert!(passed <= 20 + 10 + 1, "{passed} of 100,000 passed");
        assert_eq!(sources.capacity(), 4096);
    }
}
