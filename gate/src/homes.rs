//! Which server each client without a token was given, where every datagram is routed anew: it
//! stays there when other servers open, close or change their weights. Bounded like the table of
//! known clients, and a flood of made-up sources pushes nobody out of it who has come back.

use crate::known::{Seconds, Seen};
use crate::shared::{Keep, Shareable};
use crate::table::Table;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The servers of the clients of one service. Each client takes 24 bytes.
pub struct Homes {
    table: Table<Home>,
    /// The table before its size was changed.
    before: Option<Table<Home>>,
}

#[derive(Default)]
#[repr(C)]
struct Home {
    seen: Seen,
    /// The hash of the server's address, exclusive or the slot's key. Where others write at the same
    /// time, the one's key may stand beside the other's server: the two together are nobody's then.
    server: AtomicU64,
}

// SAFETY: atomic words; what zeros say is of no client, since no key is zero.
#[allow(unsafe_code)]
unsafe impl Shareable for Home {}

impl Homes {
    /// A table of at least so many clients.
    pub fn new(capacity: usize) -> Homes {
        Homes { table: Table::new(capacity), before: None }
    }

    /// The same, that outlives the process if it can be kept; `failed` is told why it cannot.
    pub fn kept(capacity: usize, keep: &Keep, failed: impl FnOnce(String)) -> Homes {
        let (table, before) = Table::kept(capacity, keep, "homes", failed);
        Homes { table, before }
    }

    /// The server of a client that sent within the last `kept` seconds; it has sent just now. What
    /// is no server's hash must be taken for none.
    pub fn of(&self, client: (IpAddr, u16), now: Seconds, kept: Seconds) -> Option<u64> {
        if let Some(server) = server_in(&self.table, client, now, kept) {
            return Some(server);
        }
        let server = server_in(self.before.as_ref()?, client, now, kept)?;
        self.remember(client, server, now, kept);
        Some(server)
    }

    /// A client was given a server.
    pub fn remember(&self, client: (IpAddr, u16), server: u64, now: Seconds, kept: Seconds) {
        let key = self.table.key(client.0, client.1);
        let slot = self
            .table
            .find(key)
            .unwrap_or_else(|| self.table.cheapest(key, |home| home.seen.worth(now, kept)));
        slot.key.store(key, Relaxed);
        slot.value.seen.first(now);
        slot.value.server.store(server ^ key, Relaxed);
    }
}

fn server_in(
    table: &Table<Home>,
    client: (IpAddr, u16),
    now: Seconds,
    kept: Seconds,
) -> Option<u64> {
    let key = table.key(client.0, client.1);
    let slot = table.find(key)?;
    let server = slot.value.server.load(Relaxed) ^ key;
    slot.value.seen.again(now, kept).then_some(server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(n: u32) -> (IpAddr, u16) {
        (IpAddr::V4(Ipv4Addr::from(n)), 7)
    }

    #[test]
    fn a_client_keeps_its_server_until_it_was_silent_for_long() {
        let homes = Homes::new(64);
        assert_eq!(homes.of(client(1), 10, 60), None);
        homes.remember(client(1), 77, 10, 60);
        assert_eq!(homes.of(client(1), 70, 60), Some(77));
        assert_eq!(homes.of(client(1), 130, 60), Some(77), "it has sent meanwhile");
        assert_eq!(homes.of(client(2), 130, 60), None);
        homes.remember(client(1), 78, 131, 60);
        assert_eq!(homes.of(client(1), 131, 60), Some(78), "it was given another");
        assert_eq!(homes.of(client(1), 192, 60), None);
    }

    #[test]
    fn a_flood_of_made_up_sources_pushes_out_nobody_who_came_back() {
        let homes = Homes::new(65_536);
        (0..10_000).for_each(|n| homes.remember(client(n), u64::from(n) + 1, 10, 600));
        let there = |now| (0..10_000).filter(|n| homes.of(client(*n), now, 600).is_some()).count();
        let before = there(11);
        assert!(before >= 9_990, "{before}");
        for n in 0..1_000_000u32 {
            homes.remember(client(0x8000_0000 + n), 5, 12 + Seconds::from(n / 100_000), 600);
        }
        assert!(there(30) >= before - 10);
        let right =
            |n: &u32| homes.of(client(*n), 30, 600).map_or(true, |s| s == u64::from(*n) + 1);
        assert!((0..10_000).all(|n| right(&n)));
    }

    #[test]
    fn no_client_is_given_anothers_server_whoever_writes_meanwhile() {
        // One set, which four clients a slot fight for: as workers and two Envoys may.
        let homes = Homes::new(8);
        let server = |n: u32| 1_000 + u64::from(n);
        let wrong = std::thread::scope(|scope| {
            let works = (0..2).map(|worker| {
                let homes = &homes;
                scope.spawn(move || {
                    let mut wrong = 0;
                    for round in 0..2_000_000u32 {
                        let n = round.wrapping_mul(2_654_435_761).wrapping_add(worker * 7) >> 27;
                        match homes.of(client(n), 10, 60) {
                            Some(found) if found < 2_000 => {
                                wrong += u32::from(found != server(n));
                            }
                            _ => homes.remember(client(n), server(n), 10, 60),
                        }
                    }
                    wrong
                })
            });
            works.collect::<Vec<_>>().into_iter().map(|w| w.join().unwrap()).sum::<u32>()
        });
        assert_eq!(wrong, 0);
    }

    #[test]
    fn a_slot_that_two_have_written_to_at_once_is_nobodys() {
        let homes = Homes::new(8);
        homes.remember(client(1), 77, 10, 60);
        let slot = homes.table.find(homes.table.key(client(1).0, client(1).1)).unwrap();
        // The other's key, and not yet its server; or the one's server, written last.
        slot.key.store(homes.table.key(client(2).0, client(2).1), Relaxed);
        assert_ne!(homes.of(client(2), 10, 60), Some(77));
        homes.remember(client(2), 78, 10, 60);
        assert_eq!(homes.of(client(2), 10, 60), Some(78));
    }
}
