//! Which server each client without a token was given, where every datagram is routed anew: it
//! stays there when other servers open, close or change their weights. Bounded like the table of
//! known clients, and a flood of made-up sources pushes nobody out of it who has earned a place.

use crate::clients::{Client, Clients, Place};
use crate::shared::{Keep, Shareable};
use crate::standing::{Seconds, Standing};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The servers of the clients of one service. Each client takes 48 bytes.
pub struct Homes {
    clients: Clients<Home>,
    /// The table before its size was changed. It is only read.
    before: Option<Clients<Home>>,
}

/// The hash of a server's address, exclusive or the slot's key. Where others write at the same time,
/// the one's key may stand beside the other's server: the two together are nobody's then.
#[derive(Default)]
#[repr(transparent)]
struct Home(AtomicU64);

// SAFETY: an atomic word; what zero says is of no client, since no key is zero.
#[allow(unsafe_code)]
unsafe impl Shareable for Home {}

impl Home {
    fn server((key, home): Place<Home>) -> u64 {
        home.0.load(Relaxed) ^ key
    }
}

impl Homes {
    /// A table of at least so many clients.
    pub fn new(capacity: usize) -> Homes {
        Homes { clients: Clients::new(capacity), before: None }
    }

    /// The same, that outlives the process if it can be kept; `failed` is told why it cannot.
    pub fn kept(capacity: usize, keep: &Keep, failed: impl FnOnce(String)) -> Homes {
        let (clients, before) = Clients::kept(capacity, keep, "homes", failed);
        Homes { clients, before }
    }

    /// The server of a client that sent within the last `kept` seconds; it has sent just now. What
    /// is no server's hash must be taken for none.
    pub fn of(&self, client: Client, now: Seconds, kept: Seconds) -> Option<u64> {
        if let Some(place) = self.clients.met(client, now, kept, || false) {
            return Some(Home::server(place));
        }
        let (standing, place) = self.before.as_ref()?.recall(client, now, kept)?;
        let server = Home::server(place);
        self.remember_as(client, server, standing.again(now, || false), now, kept);
        Some(server)
    }

    /// A client was given a server.
    pub fn remember(&self, client: Client, server: u64, now: Seconds, kept: Seconds) {
        self.remember_as(client, server, Standing::begun(now), now, kept);
    }

    fn remember_as(
        &self,
        client: Client,
        server: u64,
        standing: Standing,
        now: Seconds,
        kept: Seconds,
    ) {
        let ((key, home), _) = self.clients.admit(client, standing, now, kept);
        home.0.store(server ^ key, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

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
    fn a_flood_of_made_up_sources_pushes_out_nobody_who_has_earned_a_place() {
        let homes = Homes::new(65_536);
        (0..10_000).for_each(|n| homes.remember(client(n), u64::from(n) + 1, 10, 600));
        let right =
            |now| (0..10_000u32).all(|n| homes.of(client(n), now, 600) == Some(u64::from(n) + 1));
        assert!(right(20) && right(30));
        for n in 0..1_000_000u32 {
            let (made_up, now) = (client(0x8000_0000 + n), 31 + Seconds::from(n / 100_000));
            homes.remember(made_up, 5, now, 600);
            if n % 2 == 0 {
                homes.of(made_up, now + 1, 600);
            }
        }
        assert!(right(50));
    }

    #[test]
    fn no_client_is_given_anothers_server_whoever_writes_meanwhile() {
        // One set, which four clients a slot fight for: as workers and two Envoys may.
        let homes = Homes::new(4);
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
        let homes = Homes::new(4);
        homes.remember(client(1), 77, 10, 60);
        // The other's key, and not yet its server; or the one's server, written last.
        homes.clients.confuse(client(1), client(2));
        assert_ne!(homes.of(client(2), 10, 60), Some(77));
        homes.remember(client(2), 78, 10, 60);
        assert_eq!(homes.of(client(2), 10, 60), Some(78));
    }
}
