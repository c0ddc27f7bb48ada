//! What the tables of sources and of clients have in common: a fixed number of slots in small sets.
//! A key belongs to one set. Keys are hashes under a secret that is drawn at start, so that nobody
//! outside can choose what shares a set.

use foldhash::quality::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;

/// Slots of one set. They are looked through one by one.
const WAYS: usize = 8;

pub(crate) struct Table<S> {
    slots: Box<[S]>,
    sets: usize,
    secret: RandomState,
}

impl<S: Default> Table<S> {
    /// A table of at least so many slots, all of them in memory from the beginning.
    pub(crate) fn new(capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS).max(1).next_power_of_two();
        Table {
            slots: (0..sets * WAYS).map(|_| S::default()).collect(),
            sets,
            secret: RandomState::default(),
        }
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

    /// The set to which a key belongs.
    pub(crate) fn set(&self, key: u64) -> &[S] {
        let start = (key as usize & (self.sets - 1)) * WAYS;
        &self.slots[start..start + WAYS]
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }
}
