//! Limits per source, in a table of fixed size.
//!
//! However many sources are made up, the table does not grow: a new source takes the slot of the
//! one in its set whose allowance is closest to whole, of which there is the least to remember.
//! Whoever floods is therefore the last to be forgotten.
//!
//! Whoever floods in another's name uses up an allowance that is not his own. So a source's known
//! clients are served before whoever else has its address: those first who were there before its
//! allowance began to be used up, and who take no more than their part.

use crate::rate::{Limit, Nanos, Precedence, RateLimiter, Taken, HIGHEST};
use crate::shared::{Keep, Shareable};
use crate::standing::{Seconds, Standing};
use crate::table::Table;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Of an allowance, what a known client has for itself before others like it are asked: one of so
/// many parts.
const PARTS: u64 = 4;

/// What is taken from a source's allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A datagram.
    Packet,
    /// A datagram that begins a session.
    Session,
}

/// A known client that wants to send although its source has used up its allowance.
#[derive(Debug, Clone, Copy)]
pub struct Applicant {
    /// Its address and port.
    pub client: (IpAddr, u16),
    /// How long it has been known.
    pub standing: Standing,
    /// Whether its datagram has what a server gave it under a key, and who merely has its address has not.
    pub vouched: bool,
}

#[derive(Default)]
#[repr(C)]
struct Allowance {
    packets: RateLimiter,
    sessions: RateLimiter,
    pressed: Pressed,
}

// SAFETY: two limiters and a time, each of which is an atomic word; zero has all of its allowance
// left.
#[allow(unsafe_code)]
unsafe impl Shareable for Allowance {}

impl Allowance {
    fn whole_at(&self) -> Nanos {
        self.packets.whole_at().max(self.sessions.whole_at())
    }

    fn reset(&self) {
        self.packets.reset();
        self.sessions.reset();
        self.pressed.0.store(0, Relaxed);
    }
}

/// Since when an allowance is being used up: in one half, when it was last whole, and no longer
/// once it had nothing left; in the other, when it last had nothing left.
#[derive(Default)]
#[repr(transparent)]
struct Pressed(AtomicU64);

impl Pressed {
    fn since(&self) -> Seconds {
        self.0.load(Relaxed) >> 32
    }

    /// The allowance was whole.
    fn whole(&self, now: Seconds, kept: Seconds) {
        let word = self.0.load(Relaxed);
        let (since, last) = (word >> 32, word & 0xffff_ffff);
        // Who comes and goes in another's name stays one who came later.
        if since != now && (last == 0 || now.saturating_sub(last) > kept) {
            self.0.store(now << 32, Relaxed);
        }
    }

    /// There was nothing left.
    fn nothing_left(&self, now: Seconds) {
        let word = self.0.load(Relaxed);
        if word & 0xffff_ffff != now {
            self.0.store((word >> 32) << 32 | now, Relaxed);
        }
    }
}

/// The sources of late, and how much each has taken.
pub struct Sources {
    table: Table<Allowance>,
}

impl Sources {
    /// A table of at least so many sources. Each takes 32 bytes.
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
    ///
    /// * `kept` is for how many seconds it is remembered who was there before the allowance was used up
    pub fn take(
        &self,
        source: IpAddr,
        what: What,
        limit: Limit,
        now: Nanos,
        kept: Seconds,
        forgotten: impl FnOnce(),
    ) -> bool {
        let allowance = self.of(self.table.key(source, 0), now, forgotten);
        let seconds = seconds(now);
        match what {
            What::Session => allowance.sessions.take(limit, now),
            What::Packet => match allowance.packets.take_before(limit, 0, now) {
                Taken::First => {
                    allowance.pressed.whole(seconds, kept);
                    true
                }
                Taken::Another => true,
                Taken::None => {
                    allowance.pressed.nothing_left(seconds);
                    false
                }
            },
        }
    }

    /// Takes one datagram for a known client of a source that has used up its allowance, if there is
    /// one left for that client.
    pub fn take_for(
        &self,
        applicant: &Applicant,
        source: IpAddr,
        limit: Limit,
        now: Nanos,
        forgotten: impl FnOnce(),
    ) -> bool {
        let allowance = self.of(self.table.key(source, 0), now, || ());
        let was_there = applicant.standing.is_older_than(allowance.pressed.since());
        if !was_there && !applicant.vouched && !applicant.standing.is_earned() {
            return false;
        }
        let (address, port) = applicant.client;
        // Who has the client's address and port, and not its token, has a part of his own.
        let own = self.of(self.table.key(address, port).rotate_left(32).max(1), now, forgotten);
        let part = if applicant.vouched { &own.sessions } else { &own.packets };
        let within_its_part = part.take(limit.part(PARTS), now);
        let precedence = precedence(was_there || applicant.vouched, within_its_part);
        allowance.packets.take_before(limit, precedence, now).is_some()
    }

    fn of(&self, key: u64, now: Nanos, forgotten: impl FnOnce()) -> &Allowance {
        if let Some(slot) = self.table.find(key) {
            return &slot.value;
        }
        // Two threads may give the same slot away at the same time; one source then starts anew.
        let slot = self.table.cheapest(key, Allowance::whole_at);
        let allowance = &slot.value;
        if allowance.whole_at() > now {
            forgotten();
        }
        slot.key.store(key, Relaxed);
        allowance.reset();
        allowance
    }
}

/// Who was there before comes first, however much it takes; then who takes no more than its part.
fn precedence(was_there: bool, within_its_part: bool) -> Precedence {
    match (was_there, within_its_part) {
        (true, true) => HIGHEST,
        (true, false) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }
}

fn seconds(now: Nanos) -> Seconds {
    now / 1_000_000_000
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
            let taken = (0..9)
                .filter(|_| sources.take(address(n), What::Packet, limit, S, 600, || ()))
                .count();
            assert_eq!(taken, 3, "source {n}");
            assert!(
                sources.take(address(n), What::Session, limit, S, 600, || ()),
                "sessions apart"
            );
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
                passed += usize::from(sources.take(flooder, What::Session, limit, now, 600, || ()));
            }
            sources.take(address(n), What::Session, limit, now, 600, || ());
        }
        assert!(passed <= 20 + 10 + 1, "{passed} of 100,000 passed");
        assert_eq!(sources.capacity(), 4096);
    }

    /// Of 20 s at 1,000 datagrams a second in its name, from so many ports, how many of a client's own
    /// ten a second pass: of two that were there before, and of one that came in the middle.
    fn served(ports: u64, port_of: fn(u64) -> u16) -> [usize; 3] {
        let (sources, limit) = (Sources::new(1024), Limit::new(100.0, 200));
        let source = address(7);
        let mut since = std::collections::BTreeMap::new();
        let mut send = |port: u16, now: Nanos| {
            let at = seconds(now);
            let standing = *since
                .entry(port)
                .and_modify(|s: &mut Standing| *s = s.again(at, || false))
                .or_insert(Standing::begun(at));
            let applicant = Applicant { client: (source, port), standing, vouched: false };
            sources.take(source, What::Packet, limit, now, 600, || ())
                || sources.take_for(&applicant, source, limit, now, || ())
        };
        let mut served = [0; 3];
        for ms in 0..60_000u64 {
            let now = 10 * S + ms * 1_000_000;
            if ms >= 2_000 {
                send(port_of(ms % ports), now);
            }
            if ms % 100 == 50 {
                for (port, begins) in [(1, 0), (2, 0), (3, 5_000)] {
                    let passed = ms >= begins && send(port, now + u64::from(port));
                    served[usize::from(port) - 1] += usize::from(passed && ms >= 40_000);
                }
            }
        }
        served
    }

    #[test]
    fn who_has_a_known_clients_address_and_another_port_takes_nothing_from_it() {
        for ports in [1, 10, 100, 1000] {
            assert_eq!(served(ports, |n| 1_000 + n as u16)[..2], [200, 200], "{ports}");
        }
        assert_eq!(served(1, |_| 1_000)[2], 200, "and one that came later is served beside him");
    }

    #[test]
    fn who_has_its_port_too_is_taken_for_it_but_for_a_token() {
        let [forged, another, _] = served(1, |_| 1);
        assert!(forged < 100, "{forged}");
        assert_eq!(another, 200, "others have lost nothing");
        let (sources, limit) = (Sources::new(1024), Limit::new(100.0, 200));
        let (source, standing) = (address(7), Standing::begun(1));
        let mut passed = 0;
        for ms in 0..20_000u64 {
            let now = 10 * S + ms * 1_000_000;
            let send = |vouched| {
                let applicant = Applicant { client: (source, 1), standing, vouched };
                sources.take(source, What::Packet, limit, now, 600, || ())
                    || sources.take_for(&applicant, source, limit, now, || ())
            };
            send(false);
            passed += usize::from(ms % 100 == 50 && send(true));
        }
        assert_eq!(passed, 200);
    }

    #[test]
    fn who_pauses_has_still_come_later() {
        let pressed = Pressed::default();
        pressed.whole(100, 600);
        pressed.whole(110, 600);
        assert_eq!(pressed.since(), 110);
        pressed.nothing_left(115);
        pressed.whole(120, 600);
        pressed.whole(715, 600);
        assert_eq!(pressed.since(), 110);
        pressed.whole(716, 600);
        assert_eq!(pressed.since(), 716, "nobody remembers");
    }
}
