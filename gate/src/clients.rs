//! A table of clients, by address and port, each with its standing and something that is remembered
//! of it. The table has a fixed size; who is forgotten when it is full, [`standing`] decides.
//!
//! It has twice as many slots as clients it is made for, in sets of eight, and a client has a place
//! in either of two sets, the emptier one: so there is room for all of them, wherever they fall, and
//! half of every set is left to those who come new.
//!
//! [`standing`]: crate::standing

use crate::shared::{Keep, Shareable};
use crate::standing::{least, lesser, Seconds, Standing};
use crate::table::{Slot, Table, WAYS};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Slots for each client.
const SLOTS: usize = 2;

/// From how many clients in a set on another one is looked for.
const HALF: usize = WAYS / SLOTS;

/// Address and port.
pub(crate) type Client = (IpAddr, u16);

/// A table of clients, with something of each.
pub(crate) struct Clients<T: 'static> {
    table: Table<Entry<T>>,
}

/// What is remembered of a client.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Entry<T> {
    standing: AtomicU64,
    pub(crate) of: T,
}

// SAFETY: an atomic word, and what is shareable itself; zero is nobody's standing.
#[allow(unsafe_code)]
unsafe impl<T: Shareable> Shareable for Entry<T> {}

/// A client's place: its key, and what is remembered of it.
pub(crate) type Place<'a, T> = (u64, &'a T);

/// Who was forgotten for a client that is new to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgot {
    /// Nobody, or one who was forgotten anyway.
    Nobody,
    /// One who was known, and had yet to earn its place.
    ANewcomer,
    /// One who had earned its place.
    AClient,
}

impl<T> Entry<T> {
    fn standing(&self) -> Option<Standing> {
        Standing::of(self.standing.load(Relaxed))
    }

    fn known(&self, now: Seconds, kept: Seconds) -> Option<Standing> {
        self.standing().filter(|standing| standing.is_known(now, kept))
    }
}

impl<T: Shareable> Clients<T> {
    /// A table of so many clients.
    pub(crate) fn new(capacity: usize) -> Self {
        Clients { table: Table::new(capacity * SLOTS) }
    }

    /// The same, that outlives the process if it can be kept; and the one that was kept before, if
    /// that was another. `failed` is told why it cannot be kept.
    pub(crate) fn kept(
        capacity: usize,
        keep: &Keep,
        kind: &str,
        failed: impl FnOnce(String),
    ) -> (Self, Option<Self>) {
        let (table, before) = Table::kept(capacity * SLOTS, keep, kind, failed);
        (Clients { table }, before.map(|table| Clients { table }))
    }

    /// How many clients there is room for.
    pub(crate) fn capacity(&self) -> usize {
        self.table.capacity() / SLOTS
    }

    /// A client that sent within the last `kept` seconds has sent just now.
    ///
    /// * `vouched` tells whether a server has let it in; asked only while it counts
    pub(crate) fn met(
        &self,
        (address, port): Client,
        now: Seconds,
        kept: Seconds,
        vouched: impl FnOnce() -> bool,
    ) -> Option<Place<'_, T>> {
        let key = self.table.key(address, port);
        let entry = &self.table.find_in_either(key)?.value;
        let standing = entry.known(now, kept)?;
        // At most once a second, so that a line of memory is not written per packet.
        if !standing.is_of(now) {
            let again = standing.again(now, vouched).word();
            // If the slot was given to another meanwhile, that one has not sent.
            let _ = entry.standing.compare_exchange(standing.word(), again, Relaxed, Relaxed);
        }
        Some((key, &entry.of))
    }

    /// The standing of a client that sent within the last `kept` seconds, and its place. Nothing is
    /// written: the table may be another module's.
    pub(crate) fn recall(
        &self,
        (address, port): Client,
        now: Seconds,
        kept: Seconds,
    ) -> Option<(Standing, Place<'_, T>)> {
        let key = self.table.key(address, port);
        let entry = &self.table.find_in_either(key)?.value;
        Some((entry.known(now, kept)?, (key, &entry.of)))
    }

    /// Gives a client a place, if need be that of another, and with it the standing that it has here
    /// already, or else `standing`.
    pub(crate) fn admit(
        &self,
        (address, port): Client,
        standing: Standing,
        now: Seconds,
        kept: Seconds,
    ) -> (Place<'_, T>, Forgot) {
        let key = self.table.key(address, port);
        let (slot, forgot) = match self.table.find_in_either(key) {
            Some(slot) => (slot, Forgot::Nobody),
            None => self.room(key, now, kept),
        };
        let here = slot.key.load(Relaxed) == key;
        let before = slot.value.known(now, kept).filter(|_| here);
        // First what it is worth: a key that is there must never have another's standing.
        slot.value.standing.store(before.unwrap_or(standing).word(), Relaxed);
        slot.key.store(key, Relaxed);
        ((key, &slot.value.of), forgot)
    }

    /// A slot for a client that has none.
    fn room(&self, key: u64, now: Seconds, kept: Seconds) -> (&Slot<Entry<T>>, Forgot) {
        let known = |set: &[Slot<Entry<T>>; WAYS]| {
            let each = |place: usize| set[place].value.known(now, kept);
            std::array::from_fn::<Option<Standing>, WAYS, _>(each)
        };
        let count = |all: &[Option<Standing>; WAYS]| all.iter().flatten().count();
        let free = |all: &[Option<Standing>; WAYS]| all.iter().position(Option::is_none);
        let (first, second) = (self.table.set(key), self.table.second_set(key));
        let in_first = known(first);
        match free(&in_first) {
            Some(place) if count(&in_first) < HALF => return (&first[place], Forgot::Nobody),
            _ => {}
        }
        let in_second = known(second);
        let (set, place) = match (free(&in_first), free(&in_second)) {
            (Some(_), Some(place)) if count(&in_second) < count(&in_first) => (second, place),
            (Some(place), _) => (first, place),
            (None, Some(place)) => (second, place),
            (None, None) => {
                let all = |set: [Option<Standing>; WAYS]| set.map(|one| one.expect("it is full"));
                let (one, other) = (least(all(in_first)), least(all(in_second)));
                let goes = |of: Standing| {
                    if of.is_earned() {
                        Forgot::AClient
                    } else {
                        Forgot::ANewcomer
                    }
                };
                return if lesser(one.1, other.1) {
                    (&first[one.0], goes(one.1))
                } else {
                    (&second[other.0], goes(other.1))
                };
            }
        };
        (&set[place], Forgot::Nobody)
    }
}

#[cfg(test)]
impl<T: Shareable> Clients<T> {
    /// As if another had taken a client's slot, and not written down yet what is remembered of it.
    pub(crate) fn confuse(&self, client: Client, other: Client) {
        let slot = self.table.find_in_either(self.key_of(client)).expect("it has a slot");
        slot.key.store(self.key_of(other), Relaxed);
    }

    /// What stands in a client's slot.
    pub(crate) fn key_of(&self, (address, port): Client) -> u64 {
        self.table.key(address, port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(n: u32) -> Client {
        (IpAddr::V4(Ipv4Addr::from(n)), 7)
    }

    #[test]
    fn there_is_room_for_as_many_as_it_is_made_for() {
        let clients = Clients::<()>::new(65_536);
        assert_eq!(clients.capacity(), 65_536);
        for now in [100, 110, 120] {
            for n in 0..65_536 {
                if clients.met(client(n), now, 600, || false).is_none() {
                    let (_, forgot) = clients.admit(client(n), Standing::begun(now), now, 600);
                    assert_eq!(forgot, Forgot::Nobody, "the {n}th");
                }
            }
        }
        // Nobody of them is forgotten for the next million.
        for n in 0..1_000_000 {
            let now = 120 + Seconds::from(n / 10_000);
            let (_, forgot) = clients.admit(client(1 << 24 | n), Standing::begun(now), now, 600);
            assert_ne!(forgot, Forgot::AClient, "the {n}th");
        }
        assert!((0..65_536).all(|n| clients.met(client(n), 220, 600, || false).is_some()));
    }

    #[test]
    fn who_comes_again_keeps_its_standing() {
        let clients = Clients::<()>::new(64);
        clients.admit(client(1), Standing::begun(100), 100, 600);
        clients.met(client(1), 160, 600, || false);
        clients.admit(client(1), Standing::begun(170), 170, 600);
        let (standing, _) = clients.recall(client(1), 170, 600).unwrap();
        assert!(standing.is_earned() && standing.is_older_than(101));
        clients.admit(client(1), Standing::begun(900), 900, 600);
        let (standing, _) = clients.recall(client(1), 900, 600).unwrap();
        assert!(!standing.is_earned(), "it was forgotten meanwhile");
    }

    #[test]
    fn what_is_recalled_is_not_touched() {
        let clients = Clients::<()>::new(64);
        clients.admit(client(1), Standing::begun(100), 100, 60);
        assert!(clients.recall(client(1), 160, 60).is_some());
        assert!(clients.recall(client(1), 161, 60).is_none());
        assert!(clients.met(client(1), 160, 60, || false).is_some());
        assert!(clients.met(client(1), 220, 60, || false).is_some());
    }
}
