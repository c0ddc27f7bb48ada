//! What the tables of sources and of clients have in common: a fixed number of slots in small sets.
//! A key belongs to one set, or to either of two. Keys are hashes under a secret that is drawn at start, so that nobody
//! outside can choose what shares a set. (The hash is a fast one, not a cryptographic one: enough
//! against who never sees a key or a slot.)

use crate::shared::{Keep, Memory, Shareable, Slots};
use foldhash::quality::SeedableRandomState;
use foldhash::SharedSeed;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Slots of one set. They are looked through one by one.
pub(crate) const WAYS: usize = 8;

#[derive(Default)]
#[repr(C)]
pub(crate) struct Slot<S> {
    pub(crate) key: AtomicU64,
    pub(crate) value: S,
}

// SAFETY: an atomic word, and what is shareable itself.
#[allow(unsafe_code)]
unsafe impl<S: Shareable> Shareable for Slot<S> {}

pub(crate) struct Table<S: 'static> {
    slots: Slots<Slot<S>>,
    sets: usize,
    secret: SeedableRandomState,
}

/// The seed made of a number; it lives as long as the process, as its users ask. There are few of
/// them: one for all tables of this process, and one for each file that outlives it.
fn shared_seed(of: u64) -> &'static SharedSeed {
    static SEEDS: Mutex<BTreeMap<u64, &'static SharedSeed>> = Mutex::new(BTreeMap::new());
    let mut seeds = SEEDS.lock().unwrap_or_else(PoisonError::into_inner);
    seeds.entry(of).or_insert_with(|| Box::leak(Box::new(SharedSeed::from_u64(of))))
}

impl<S: Shareable> Table<S> {
    /// A table of at least so many slots, all of them in memory from the beginning.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::kept(capacity, &Keep::default(), "", |_| {}).0
    }

    /// The same, that outlives the process if it can be kept; and one of another size that was kept
    /// before, if there is. `failed` is told why it cannot.
    pub(crate) fn kept(
        capacity: usize,
        keep: &Keep,
        kind: &str,
        failed: impl FnOnce(String),
    ) -> (Self, Option<Self>) {
        let sets = capacity.div_ceil(WAYS).max(1).next_power_of_two();
        let (slots, before) = keep.slots(kind, sets * WAYS, failed);
        (Self::of(slots), before.filter(|(slots, _)| slots.len() >= WAYS).map(Self::of))
    }

    /// A table in memory whose slots are a power of two.
    fn of((slots, [one, other]): Memory<Slot<S>>) -> Self {
        let sets = slots.len() / WAYS;
        Table { slots, sets, secret: SeedableRandomState::with_seed(other, shared_seed(one)) }
    }

    /// The key of an address and port. Never 0, which marks an empty slot.
    pub(crate) fn key(&self, address: IpAddr, port: u16) -> u64 {
        // One word, or two and a half, instead of enum and array: this is done for each datagram.
        let hash = match address {
            IpAddr::V4(v4) => {
                self.secret.hash_one(u64::from(u32::from(v4)) << 16 | u64::from(port))
            }
            IpAddr::V6(v6) => self.secret.hash_one((u128::from(v6), port)),
        };
        hash.max(1)
    }

    /// The slot that a key has in its first set, if it has one.
    pub(crate) fn find(&self, key: u64) -> Option<&Slot<S>> {
        self.set(key).iter().find(|slot| slot.key.load(Relaxed) == key)
    }

    /// The slot that a key has in either of its sets, if it has one.
    pub(crate) fn find_in_either(&self, key: u64) -> Option<&Slot<S>> {
        let in_second = || self.second_set(key).iter().find(|slot| slot.key.load(Relaxed) == key);
        self.find(key).or_else(in_second)
    }

    /// The slot of a key's first set with which the least would be lost.
    pub(crate) fn cheapest(&self, key: u64, worth: impl Fn(&S) -> u64) -> &Slot<S> {
        let set = self.set(key);
        set.iter().fold(&set[0], |least, other| {
            if worth(&other.value) < worth(&least.value) {
                other
            } else {
                least
            }
        })
    }

    /// The first set of a key.
    pub(crate) fn set(&self, key: u64) -> &[Slot<S>; WAYS] {
        self.set_at(key)
    }

    /// The second one: clients that share the first are spread over all others.
    pub(crate) fn second_set(&self, key: u64) -> &[Slot<S>; WAYS] {
        self.set_at(key >> 32)
    }

    fn set_at(&self, hash: u64) -> &[Slot<S>; WAYS] {
        let start = (hash as usize & (self.sets - 1)) * WAYS;
        self.slots[start..start + WAYS].try_into().expect("as many as that")
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }
}
