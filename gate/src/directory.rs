//! The servers of a service, and which of them a new session gets: the one that a token names,
//! closed or not; else an open one, by a hash of the client's address.

use crate::maglev::{self, Candidate, Seed, NOBODY};
use crate::token::{Token, LONGEST};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use xxhash_rust::xxh64::xxh64;

/// A worker's servers may be an update older or newer than the directory: so many further entries
/// of the table are looked at for one that both have.
const PROBES: u64 = 64;

type Names = HashMap<[u8; LONGEST], u32, RandomState>;

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Address and port as Envoy writes it.
    pub address: String,
    /// Its token; empty if it has none. Of a shorter one that is looked for, the beginning counts.
    pub token: Vec<u8>,
    /// What changes while it stays.
    pub state: State,
}

/// What changes of a server while it stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Its share of new clients relative to the others'.
    pub weight: u32,
    /// Whether new clients may come.
    pub open: bool,
}

/// Which servers there are, by numbers in the order of their addresses.
pub struct Places {
    addresses: Vec<Box<str>>,
    tokens: Vec<Vec<u8>>,
    seeds: Vec<Seed>,
    /// By the hash of their addresses.
    by_hash: HashMap<u64, u32, RandomState>,
}

impl Places {
    /// How many servers there are.
    pub fn size(&self) -> usize {
        self.addresses.len()
    }

    /// The number of the server at an address.
    pub fn at(&self, address: &str) -> Option<u32> {
        let found = self.addresses.binary_search_by(|other| (**other).cmp(address));
        found.ok().map(|number| number as u32)
    }

    /// Whether a server is at an address.
    pub fn is_at(&self, number: u32, address: &str) -> bool {
        self.addresses.get(number as usize).is_some_and(|other| **other == *address)
    }
}

/// The servers at one moment. Made by Envoy's main thread, read by all.
pub struct Directory {
    places: Arc<Places>,
    states: Vec<State>,
    table: Arc<Vec<u32>>,
    /// By token, for each length that is looked for. [`NOBODY`] if several have it.
    by_token: Arc<Vec<(usize, Names)>>,
}

impl Directory {
    /// A directory of servers in any order.
    ///
    /// * `lengths` are those of tokens that are looked for
    pub fn new(mut servers: Vec<Server>, lengths: &[usize]) -> Directory {
        servers.sort_unstable_by(|one, other| one.address.cmp(&other.address));
        let states: Vec<State> = servers.iter().map(|server| server.state).collect();
        let hashes = servers.iter().map(|server| address_hash(&server.address));
        let by_hash = hashes.zip(0..).collect();
        let seeds = servers.iter().map(|server| Seed::of(&server.address)).collect();
        let (addresses, tokens): (Vec<_>, Vec<_>) =
            servers.into_iter().map(|s| (s.address.into_boxed_str(), s.token)).unzip();
        let places = Arc::new(Places { addresses, tokens, seeds, by_hash });
        Directory {
            table: Arc::new(table(&places, &states)),
            by_token: Arc::new(by_token(&places, lengths)),
            places,
            states,
        }
    }

    /// The same servers in other states, given by their numbers.
    pub fn with_states(&self, states: Vec<State>) -> Directory {
        Directory {
            table: Arc::new(table(&self.places, &states)),
            places: self.places.clone(),
            states,
            by_token: self.by_token.clone(),
        }
    }

    /// The same for tokens of other lengths.
    pub fn with_lengths(&self, lengths: &[usize]) -> Directory {
        Directory {
            places: self.places.clone(),
            states: self.states.clone(),
            table: self.table.clone(),
            by_token: Arc::new(by_token(&self.places, lengths)),
        }
    }

    /// Which servers there are.
    pub fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// Their states by their numbers.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// What a server is remembered by, longer than there is a number of it. Never 0.
    pub fn hash_of(&self, number: u32) -> Option<u64> {
        self.places.addresses.get(number as usize).map(|address| address_hash(address))
    }

    /// The server that is remembered by a hash, if it is still there.
    pub fn hashed(&self, hash: u64) -> Option<u32> {
        self.places.by_hash.get(&hash).copied()
    }

    /// The one server that has a token.
    pub fn named(&self, token: &Token) -> Option<u32> {
        let (_, names) = self.by_token.iter().find(|(length, _)| *length == token.length)?;
        names.get(&token.bytes).copied().filter(|number| *number != NOBODY)
    }

    /// Whether new clients may come to a server.
    pub fn is_open(&self, number: u32) -> bool {
        self.states.get(number as usize).is_some_and(|state| state.open)
    }

    /// An open server by a hash, of those that are usable.
    pub fn by_hash(&self, hash: u64, usable: impl Fn(u32) -> bool) -> Option<u32> {
        let size = self.table.len() as u64;
        if size == 0 {
            return None;
        }
        (0..PROBES)
            .map(|probe| self.table[((hash % size + probe * 7919) % size) as usize])
            .find(|number| usable(*number))
    }
}

fn address_hash(address: &str) -> u64 {
    xxh64(address.as_bytes(), 0).max(1)
}

/// The table of those that are open.
fn table(places: &Places, states: &[State]) -> Vec<u32> {
    let open: Vec<Candidate> = places
        .seeds
        .iter()
        .zip(states)
        .zip(0..)
        .filter(|((_, state), _)| state.open)
        .map(|((seed, state), number)| Candidate {
            seed: *seed,
            weight: state.weight.max(1),
            number,
        })
        .collect();
    maglev::table(&open)
}

fn by_token(places: &Places, lengths: &[usize]) -> Vec<(usize, Names)> {
    let names = |length: usize| {
        let mut names = Names::default();
        for (known, number) in places.tokens.iter().zip(0..) {
            if let Some(beginning) = known.get(..length) {
                let mut token = [0; LONGEST];
                token[..length].copy_from_slice(beginning);
                names.entry(token).and_modify(|other| *other = NOBODY).or_insert(number);
            }
        }
        names
    };
    lengths.iter().filter(|n| **n <= LONGEST).map(|n| (*n, names(*n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(number: u8, open: bool) -> Server {
        Server {
            address: format!("10.0.0.{number}:7000"),
            token: vec![number / 2, number, 9],
            state: State { weight: 50, open },
        }
    }

    fn token(bytes: &[u8]) -> Token {
        let mut all = [0; LONGEST];
        all[..bytes.len()].copy_from_slice(bytes);
        Token { bytes: all, length: bytes.len(), keyed: false }
    }

    #[test]
    fn a_token_names_its_server_closed_or_not_and_nobody_if_two_have_it() {
        let servers = (0..8).map(|n| server(n, n % 2 == 0)).collect();
        let directory = Directory::new(servers, &[1, 2, 3]);
        for n in 0..8u8 {
            let number = directory.places().at(&format!("10.0.0.{n}:7000")).unwrap();
            assert_eq!(directory.named(&token(&[n / 2, n, 9])), Some(number));
            assert_eq!(directory.named(&token(&[n / 2, n])), Some(number), "its beginning");
            assert_eq!(directory.named(&token(&[n / 2])), None, "two have it");
            assert_eq!(directory.is_open(number), n % 2 == 0);
        }
        assert_eq!(directory.named(&token(&[7, 7, 7])), None);
        assert_eq!(directory.named(&token(&[0, 0, 9, 0])), None, "of a length not looked for");
        let other = directory.with_lengths(&[3]);
        assert!(Arc::ptr_eq(other.places(), directory.places()));
        assert_eq!(other.named(&token(&[0, 1])), None);
        assert!(other.named(&token(&[0, 1, 9])).is_some());
    }

    #[test]
    fn a_hash_finds_open_servers_only() {
        let directory = Directory::new((0..8).map(|n| server(n, n < 3)).collect(), &[]);
        for hash in 0..5_000u64 {
            let chosen =
                directory.by_hash(hash.wrapping_mul(0x9E37_79B9_7F4A_7C15), |_| true).unwrap();
            assert!(directory.is_open(chosen));
            let other =
                directory.by_hash(hash.wrapping_mul(0x9E37_79B9_7F4A_7C15), |n| n != 1).unwrap();
            assert!(other != 1 && directory.is_open(other), "one that the worker does not have");
        }
        let closed = Directory::new((0..8).map(|n| server(n, false)).collect(), &[]);
        assert_eq!(closed.by_hash(7, |_| true), None);
        assert_eq!(Directory::new(vec![], &[1]).by_hash(7, |_| true), None);
    }

    #[test]
    fn other_states_make_what_is_made_from_nothing() {
        let servers = |open: fn(u8) -> bool| (0..40).rev().map(|n| server(n, open(n))).collect();
        let before = Directory::new(servers(|n| n % 3 == 0), &[2]);
        let made = Directory::new(servers(|n| n % 2 == 0), &[2]);
        let changed = before.with_states(made.states().to_vec());
        assert_eq!(changed.table, made.table);
        assert_ne!(changed.table, before.table);
        assert!(Arc::ptr_eq(changed.places(), before.places()));
        for n in 0..40 {
            assert_eq!(changed.is_open(n), made.is_open(n));
        }
        assert_eq!(changed.named(&token(&[3, 7])), made.named(&token(&[3, 7])));
    }
}
