//! The servers of a service, and which of them a new session gets: the one that a token names,
//! closed or not; else an open one, by a hash of the client's address.

use crate::maglev::{self, Candidate, NOBODY};
use crate::token::{Token, LONGEST};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
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
    /// Its share of new clients relative to the others'.
    pub weight: u32,
    /// Whether new clients may come.
    pub open: bool,
}

/// The servers at one moment. Made by Envoy's main thread, read by all.
pub struct Directory {
    /// Tells one directory from another.
    pub version: u64,
    /// In the order of their addresses.
    servers: Arc<Vec<Server>>,
    table: Arc<Vec<u32>>,
    /// By the hash of their addresses.
    by_address: Arc<HashMap<u64, u32, RandomState>>,
    /// By token, for each length that is looked for. [`NOBODY`] if several have it.
    by_token: Vec<(usize, Names)>,
}

impl Directory {
    /// A directory of servers in any order.
    ///
    /// * `lengths` are those of tokens that are looked for
    pub fn new(mut servers: Vec<Server>, lengths: &[usize]) -> Directory {
        sort(&mut servers);
        let open: Vec<Candidate> = servers
            .iter()
            .zip(0..)
            .filter(|(server, _)| server.open)
            .map(|(server, number)| Candidate {
                address: &server.address,
                weight: server.weight.max(1),
                number,
            })
            .collect();
        let table = Arc::new(maglev::table(&open));
        let hashes = servers.iter().map(|server| address_hash(&server.address));
        Directory {
            version: next_version(),
            by_address: Arc::new(hashes.zip(0..).collect()),
            table,
            by_token: by_token(&servers, lengths),
            servers: Arc::new(servers),
        }
    }

    /// Whether it is of these servers, which are in any order before and in its order after.
    pub fn is_of(&self, servers: &mut [Server]) -> bool {
        sort(servers);
        self.servers.as_slice() == servers
    }

    /// The same for tokens of other lengths.
    pub fn with_lengths(&self, lengths: &[usize]) -> Directory {
        Directory {
            version: next_version(),
            servers: self.servers.clone(),
            table: self.table.clone(),
            by_address: self.by_address.clone(),
            by_token: by_token(&self.servers, lengths),
        }
    }

    /// How many servers there are.
    pub fn size(&self) -> usize {
        self.servers.len()
    }

    /// The number of the server at an address.
    pub fn at(&self, address: &str) -> Option<u32> {
        let found = self.servers.binary_search_by(|server| server.address.as_str().cmp(address));
        found.ok().map(|number| number as u32)
    }

    /// What a server is remembered by, longer than there is a number of it. Never 0.
    pub fn hash_of(&self, number: u32) -> Option<u64> {
        self.servers.get(number as usize).map(|server| address_hash(&server.address))
    }

    /// The server that is remembered by a hash, if it is still there.
    pub fn hashed(&self, hash: u64) -> Option<u32> {
        self.by_address.get(&hash).copied()
    }

    /// The one server that has a token.
    pub fn named(&self, token: &Token) -> Option<u32> {
        let (_, names) = self.by_token.iter().find(|(length, _)| *length == token.length)?;
        names.get(&token.bytes).copied().filter(|number| *number != NOBODY)
    }

    /// Whether new clients may come to a server.
    pub fn is_open(&self, number: u32) -> bool {
        self.servers.get(number as usize).is_some_and(|server| server.open)
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

fn sort(servers: &mut [Server]) {
    servers.sort_unstable_by(|one, other| one.address.cmp(&other.address));
}

fn address_hash(address: &str) -> u64 {
    xxh64(address.as_bytes(), 0).max(1)
}

fn next_version() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Relaxed) + 1
}

fn by_token(servers: &[Server], lengths: &[usize]) -> Vec<(usize, Names)> {
    let names = |length: usize| {
        let mut names = Names::default();
        for (server, number) in servers.iter().zip(0..) {
            if let Some(beginning) = server.token.get(..length) {
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
            weight: 50,
            open,
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
            let number = directory.at(&format!("10.0.0.{n}:7000")).unwrap();
            assert_eq!(directory.named(&token(&[n / 2, n, 9])), Some(number));
            assert_eq!(directory.named(&token(&[n / 2, n])), Some(number), "its beginning");
            assert_eq!(directory.named(&token(&[n / 2])), None, "two have it");
            assert_eq!(directory.is_open(number), n % 2 == 0);
        }
        assert_eq!(directory.named(&token(&[7, 7, 7])), None);
        assert_eq!(directory.named(&token(&[0, 0, 9, 0])), None, "of a length not looked for");
        let other = directory.with_lengths(&[3]);
        assert!(other.version != directory.version);
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
}
