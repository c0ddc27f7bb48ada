//! The load balancing policy of a service's cluster, in safe terms. The filter leaves what it read in
//! a datagram on its thread, and Envoy asks the policy on the same thread, before anything else
//! happens there, if it makes a session for that datagram.
//!
//! Envoy has one instance of the policy on its main thread and one on each worker. Only the main
//! thread's reads the servers' metadata (a worker would read what the main thread may be freeing)
//! and makes the directory; a worker finds its own index of a server in it.

use super::module::gate_of;
use crate::directory::{Places, Server, State};
use crate::gate::{Gate, SECOND};
use crate::rate::Nanos;
use crate::rules::hex;
use crate::token::Found;
use foldhash::fast::RandomState;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, ThreadId};
use xxhash_rust::xxh64::xxh64;

/// What stands for a server that a worker does not have.
const ABSENT: u32 = u32::MAX;

/// A datagram's wish, until the next datagram on this thread.
#[derive(Clone, Copy)]
struct Wish {
    found: Found,
    /// Whose gate has read it.
    gate: *const Gate,
    source: Option<(IpAddr, u16)>,
    /// When it came; only where each datagram is routed.
    at: Nanos,
}

thread_local! {
    static WISH: Cell<Option<Wish>> = const { Cell::new(None) };
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// A datagram has come that says something of its server; what an earlier one wished is over.
pub(super) fn wish(gate: &Arc<Gate>, found: Found, source: Option<(IpAddr, u16)>, at: Nanos) {
    WISH.with(|wish| wish.set(Some(Wish { found, gate: Arc::as_ptr(gate), source, at })));
}

/// A datagram has come that says nothing of its server; what an earlier one wished is over.
pub(super) fn wish_nothing() {
    WISH.with(|wish| wish.set(None));
}

/// What can be asked of Envoy about a cluster's servers, by the instance at hand.
pub(super) trait Servers {
    /// Each endpoint that Envoy has; for the main thread alone.
    fn each(&self, then: impl FnMut(Endpoint<'_>));
    /// How many servers there are to choose from.
    fn usable(&self) -> usize;
    /// The address of one of them.
    fn address<T>(&self, index: usize, then: impl FnOnce(&str) -> T) -> Option<T>;
}

/// An endpoint with what the registry says of it.
pub(super) enum Endpoint<'a> {
    /// A server, by its address.
    Server(&'a str, State),
    /// None, but one that has tokens of servers.
    Tokens(&'a [u8]),
}

/// The tokens of servers, which stand in the metadata of endpoints that are none: `address=token`,
/// separated by spaces, a token in hexadecimal.
#[derive(Default)]
struct Tokens(HashMap<String, Vec<u8>, RandomState>);

impl Tokens {
    /// Reads those of one endpoint. What is none is nobody's token.
    fn read(&mut self, text: &[u8]) {
        let Ok(text) = std::str::from_utf8(text) else { return };
        for entry in text.split(' ') {
            let Some((address, token)) = entry.split_once('=') else { continue };
            // Envoy may write another text of the same IPv6 address.
            let address = match address.parse::<SocketAddr>() {
                Ok(parsed) if parsed.is_ipv6() => parsed.to_string(),
                _ => address.to_owned(),
            };
            self.0.insert(address, hex(token).unwrap_or_default());
        }
    }

    /// Gives each server its own.
    fn give(mut self, servers: &mut [Server]) {
        for server in servers {
            server.token = self.0.remove(&server.address).unwrap_or_default();
        }
    }
}

/// How a session's server was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    ByToken,
    ByHash,
    UnknownToken,
    Undecodable,
    ToClosed,
    Again,
    Nobody,
}

impl Choice {
    pub(super) const ALL: [Choice; 7] = [
        Choice::ByToken,
        Choice::ByHash,
        Choice::UnknownToken,
        Choice::Undecodable,
        Choice::ToClosed,
        Choice::Again,
        Choice::Nobody,
    ];

    /// Its name in counters.
    pub(super) fn name(self) -> &'static str {
        match self {
            Choice::ByToken => "chosen_by_token",
            Choice::ByHash => "chosen_by_hash",
            Choice::UnknownToken => "token_unknown",
            Choice::Undecodable => "token_undecodable",
            Choice::ToClosed => "token_to_closed",
            Choice::Again => "chosen_again",
            Choice::Nobody => "chosen_nobody",
        }
    }
}

/// The policy of one cluster.
pub(super) struct Policy {
    gate: Arc<Gate>,
    main: ThreadId,
}

impl Policy {
    /// On the main thread.
    pub(super) fn new(service: &str) -> Arc<Policy> {
        Arc::new(Policy { gate: gate_of(service), main: thread::current().id() })
    }
}

/// An instance of the policy, of one thread.
pub(super) struct Balancer {
    policy: Arc<Policy>,
    /// What the main thread's has seen.
    seen: RefCell<Seen>,
    indexes: RefCell<Indexes>,
}

/// The endpoints as they were seen last, so that what has not changed is not made again.
#[derive(Default)]
struct Seen {
    places: Option<Arc<Places>>,
    /// The servers' numbers, in Envoy's order.
    order: Vec<u32>,
    tokens: Vec<Vec<u8>>,
}

impl Seen {
    /// The servers' states, if the endpoints are the same but for them.
    fn states(&self, servers: &impl Servers) -> Option<(&Arc<Places>, Vec<State>)> {
        let places = self.places.as_ref()?;
        let mut states = vec![State { weight: 0, open: false }; places.size()];
        let (mut order, mut tokens) = (self.order.iter(), self.tokens.iter());
        let mut same = true;
        servers.each(|endpoint| {
            same = same
                && match endpoint {
                    Endpoint::Server(address, state) => order.next().is_some_and(|number| {
                        states[*number as usize] = state;
                        places.is_at(*number, address)
                    }),
                    Endpoint::Tokens(text) => tokens.next().is_some_and(|other| other == text),
                }
        });
        (same && order.next().is_none() && tokens.next().is_none()).then_some((places, states))
    }

    /// Sees all anew; `serve` takes the servers and returns which they are.
    fn anew(servers: &impl Servers, serve: impl FnOnce(Vec<Server>) -> Arc<Places>) -> Seen {
        let (mut all, mut tokens) = (Vec::new(), Vec::new());
        servers.each(|endpoint| match endpoint {
            Endpoint::Server(address, state) => {
                all.push(Server { address: address.to_owned(), token: Vec::new(), state });
            }
            Endpoint::Tokens(text) => tokens.push(text.to_vec()),
        });
        let mut known = Tokens::default();
        tokens.iter().for_each(|text| known.read(text));
        known.give(&mut all);
        let addresses: Vec<String> = all.iter().map(|server| server.address.clone()).collect();
        let places = serve(all);
        let order = addresses.iter().filter_map(|address| places.at(address)).collect();
        Seen { places: Some(places), order, tokens }
    }
}

/// Envoy's index of each server, as of one thread.
#[derive(Default)]
struct Indexes {
    /// Of which servers.
    places: Option<Arc<Places>>,
    of: Vec<u32>,
    /// Whether nothing has changed since they were found.
    fresh: bool,
}

impl Indexes {
    fn of(&mut self, number: u32, places: &Arc<Places>, servers: &impl Servers) -> Option<usize> {
        if !self.places.as_ref().is_some_and(|known| Arc::ptr_eq(known, places)) {
            self.find(places, servers);
        }
        self.known(number, places, servers).or_else(|| {
            if self.fresh {
                return None;
            }
            // An index mostly outlasts a change of servers, so that not every change costs each
            // thread a look at all of them.
            self.find(places, servers);
            self.known(number, places, servers)
        })
    }

    fn known(&self, number: u32, places: &Places, servers: &impl Servers) -> Option<usize> {
        let index = *self.of.get(number as usize)?;
        let is_there = |address: &str| places.is_at(number, address);
        let there = index != ABSENT && servers.address(index as usize, is_there) == Some(true);
        there.then_some(index as usize)
    }

    fn find(&mut self, places: &Arc<Places>, servers: &impl Servers) {
        self.of.clear();
        self.of.resize(places.size(), ABSENT);
        for index in 0..servers.usable() {
            if let Some(Some(number)) = servers.address(index, |address| places.at(address)) {
                self.of[number as usize] = index as u32;
            }
        }
        self.places = Some(places.clone());
        self.fresh = true;
    }
}

impl Balancer {
    pub(super) fn new(policy: &Arc<Policy>, servers: &impl Servers) -> Balancer {
        let balancer = Balancer {
            policy: policy.clone(),
            seen: RefCell::default(),
            indexes: RefCell::default(),
        };
        balancer.publish(servers);
        balancer
    }

    /// The servers have changed.
    pub(super) fn updated(&self, servers: &impl Servers) {
        self.indexes.borrow_mut().fresh = false;
        self.publish(servers);
    }

    fn publish(&self, servers: &impl Servers) {
        if thread::current().id() != self.policy.main {
            return;
        }
        let gate = &self.policy.gate;
        let mut seen = self.seen.borrow_mut();
        let same = seen.states(servers).is_some_and(|(places, now)| gate.serve_again(places, now));
        if !same {
            *seen = Seen::anew(servers, |all| gate.serve(all));
        }
    }

    /// Chooses the server of a new session, or of any datagram where each is routed; `None` if there
    /// is none.
    ///
    /// * `hash` is that of the client's address, if the listener says so
    /// * `count` counts how it came to that
    pub(super) fn choose(
        &self,
        servers: &impl Servers,
        hash: Option<u64>,
        mut count: impl FnMut(Choice),
    ) -> Option<usize> {
        let gate = &self.policy.gate;
        let wish = WISH.with(Cell::take).filter(|wish| {
            wish.gate == Arc::as_ptr(gate) && hash.map_or(true, |hash| wish.is_of(hash))
        });
        let directory = gate.directory.load();
        let directory = directory.as_ref()?;
        let index_of =
            |number: u32| self.indexes.borrow_mut().of(number, directory.places(), servers);
        match wish.map(|wish| wish.found) {
            Some(Found::Token(token)) => {
                let named = directory.named(&token);
                if let Some((number, index)) = named.and_then(|n| Some((n, index_of(n)?))) {
                    count(Choice::ByToken);
                    if !directory.is_open(number) {
                        count(Choice::ToClosed);
                    }
                    return Some(index);
                }
                count(Choice::UnknownToken);
            }
            Some(Found::Undecodable) => count(Choice::Undecodable),
            Some(Found::Nothing) | None => {}
        }
        let in_force = gate.in_force.load();
        let homes = in_force.as_ref().and_then(|in_force| in_force.homes.as_deref());
        let client = wish.and_then(|wish| Some((homes?, wish.source?, wish.at / SECOND)));
        let kept = in_force.as_ref().map_or(0, |in_force| in_force.rules.known_for);
        let home = client.and_then(|(homes, source, now)| homes.of(source, now, kept));
        if let Some(index) = home.and_then(|home| index_of(directory.hashed(home)?)) {
            count(Choice::Again);
            return Some(index);
        }
        let hash = hash.unwrap_or_else(random);
        let Some(number) = directory.by_hash(hash, |number| index_of(number).is_some()) else {
            count(Choice::Nobody);
            return None;
        };
        count(Choice::ByHash);
        if let (Some((homes, source, now)), Some(server)) = (client, directory.hash_of(number)) {
            homes.remember(source, server, now, kept);
        }
        index_of(number)
    }
}

impl Wish {
    /// Envoy's hash of a client is that of its address as text.
    fn is_of(&self, hash: u64) -> bool {
        self.source.is_some_and(|(address, _)| xxh64(address.to_string().as_bytes(), 0) == hash)
    }
}

/// A hash for clients whose address does not count. Nothing depends on its being unpredictable.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RANDOM.with(|state| {
        let mut x = state.get();
        if x == 0 {
            x = RandomState::new().hash_one(thread::current().id()) | 1;
        }
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        x
    })
}

#[cfg(test)]
mod measurement;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use crate::token::Token;

    pub(super) const RULES: &str = r#"{"source-ipv4-prefix": 32, "source-ipv6-prefix": 64, "sources": 64,
        "known": 64, "known-for": 60, "log-every": 10, "token": {"offset": 0, "length": 1}}"#;

    pub(super) struct Fake(pub(super) Vec<Server>);

    impl Servers for Fake {
        fn each(&self, mut then: impl FnMut(Endpoint<'_>)) {
            let token = |server: &Server| {
                let hex: String = server.token.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{}={hex}", server.address)
            };
            let tokens: Vec<String> = self.0.iter().map(token).collect();
            then(Endpoint::Tokens(tokens.join(" ").as_bytes()));
            self.0.iter().for_each(|server| then(Endpoint::Server(&server.address, server.state)));
        }

        fn usable(&self) -> usize {
            self.0.len()
        }

        fn address<T>(&self, index: usize, then: impl FnOnce(&str) -> T) -> Option<T> {
            self.0.get(index).map(|server| then(&server.address))
        }
    }

    fn fake(count: u8, open: impl Fn(u8) -> bool) -> Fake {
        let server = |n| Server {
            address: format!("10.0.0.{n}:7000"),
            token: vec![n, 1, 2],
            state: State { weight: 1, open: open(n) },
        };
        // In another order than the directory's.
        Fake((1..=count).rev().map(server).collect())
    }

    pub(super) fn source(n: u32) -> (Option<(IpAddr, u16)>, u64) {
        let address = IpAddr::V4(n.into());
        (Some((address, 7)), xxh64(address.to_string().as_bytes(), 0))
    }

    fn named(n: u8) -> Found {
        let mut bytes = [0; crate::token::LONGEST];
        bytes[0] = n;
        Found::Token(Token { bytes, length: 1, keyed: false })
    }

    struct Asked<'a>(&'a Balancer, &'a Fake);

    impl Asked<'_> {
        fn choose(&self, hash: Option<u64>) -> (Option<u8>, Vec<Choice>) {
            let mut counted = Vec::new();
            let chosen = self.0.choose(self.1, hash, |choice| counted.push(choice));
            (chosen.map(|index| self.1 .0[index].token[0]), counted)
        }
    }

    fn policy(service: &str) -> (Arc<Policy>, Arc<Gate>) {
        let gate = gate_of(service);
        gate.change(Rules::parse(RULES.as_bytes()).unwrap());
        (Policy::new(service), gate)
    }

    #[test]
    fn a_session_goes_where_the_token_says_and_else_by_hash_to_an_open_server() {
        let (policy, gate) = policy("choice");
        let servers = fake(9, |n| n != 3);
        let balancer = Balancer::new(&policy, &servers);
        let asked = Asked(&balancer, &servers);
        let (from, hash) = source(77);
        let by_hash = asked.choose(Some(hash)).0.unwrap();
        for n in 1..=9 {
            wish(&gate, named(n), from, 0);
            let (chosen, counted) = asked.choose(Some(hash));
            assert_eq!(chosen, Some(n), "closed or not");
            assert_eq!(counted.contains(&Choice::ToClosed), n == 3);
            assert_eq!(asked.choose(Some(hash)).0, Some(by_hash), "a wish is for one datagram");
        }
        wish(&gate, named(50), from, 0);
        let unknown = (Some(by_hash), vec![Choice::UnknownToken, Choice::ByHash]);
        assert_eq!(asked.choose(Some(hash)), unknown);
        wish(&gate, Found::Undecodable, from, 0);
        assert_eq!(asked.choose(Some(hash)).1, [Choice::Undecodable, Choice::ByHash]);
        for n in 0..500 {
            assert_ne!(asked.choose(Some(source(n).1)).0, Some(3));
            assert_ne!(asked.choose(None).0, Some(3));
        }
    }

    #[test]
    fn a_wish_of_another_client_or_service_or_datagram_is_nobodys() {
        let (policy, gate) = policy("stale");
        let servers = fake(9, |_| true);
        let balancer = Balancer::new(&policy, &servers);
        let asked = Asked(&balancer, &servers);
        let ((from, hash), other) = (source(1), source(2).1);
        let by_hash = asked.choose(Some(other)).0.unwrap();
        let wished = by_hash % 9 + 1;
        wish(&gate, named(wished), from, 0);
        assert_eq!(asked.choose(Some(other)).0, Some(by_hash), "another client");
        wish(&gate_of("another"), named(wished), from, 0);
        assert_eq!(asked.choose(Some(hash)).1, [Choice::ByHash], "another service");
        wish(&gate, named(wished), from, 0);
        wish_nothing();
        assert_eq!(asked.choose(Some(hash)).1, [Choice::ByHash], "an earlier datagram");
        wish(&gate, named(wished), from, 0);
        assert_eq!(asked.choose(None).0, Some(wished), "where addresses are not hashed");
    }

    #[test]
    fn a_worker_that_is_an_update_behind_chooses_among_its_own() {
        let (policy, gate) = policy("behind");
        let old = fake(5, |_| true);
        let balancer = Balancer::new(&policy, &old);
        assert!(Asked(&balancer, &old).choose(Some(1)).0.is_some(), "of the old directory");
        // The tenth stands before the second, so that all numbers are others.
        gate.serve(fake(10, |n| n > 4).0);
        let asked = Asked(&balancer, &old);
        for n in 0..300 {
            let (from, hash) = source(n);
            assert_eq!(asked.choose(Some(hash)).0, Some(5), "the only one open and there");
            wish(&gate, named(8), from, 0);
            assert_eq!(asked.choose(Some(hash)).0, Some(5), "not there yet");
            wish(&gate, named(2), from, 0);
            assert_eq!(asked.choose(Some(hash)).0, Some(2));
        }
        let new = fake(9, |n| n > 4);
        balancer.updated(&new);
        wish(&gate, named(8), source(1).0, 0);
        assert_eq!(Asked(&balancer, &new).choose(Some(source(1).1)).0, Some(8));
        balancer.updated(&fake(3, |_| false));
        assert_eq!(asked.choose(Some(1)), (None, vec![Choice::Nobody]));
    }

    #[test]
    fn a_change_of_states_keeps_what_else_is_known_and_indexes_are_found_when_they_are_wrong() {
        let (policy, gate) = policy("again");
        let servers = fake(9, |_| true);
        let balancer = Balancer::new(&policy, &servers);
        let places = || gate.directory.load().as_ref().unwrap().places().clone();
        let before = places();
        let reaches = |servers: &Fake, n: u8| {
            let (from, hash) = source(u32::from(n));
            wish(&gate, named(n), from, 0);
            let chosen = Asked(&balancer, servers).choose(Some(hash));
            assert_eq!(chosen.0, Some(n));
            chosen.1.contains(&Choice::ToClosed)
        };
        assert!(!reaches(&servers, 4));
        let closed = fake(9, |n| n != 4);
        balancer.updated(&closed);
        assert!(Arc::ptr_eq(&before, &places()), "the same servers");
        assert!(reaches(&closed, 4), "in another state");
        let mut turned = fake(9, |n| n != 4);
        turned.0.reverse();
        balancer.updated(&turned);
        for n in 1..=9 {
            assert_eq!(reaches(&turned, n), n == 4, "in another order");
        }
        let mut other = fake(9, |_| true);
        other.0[0].token = vec![77];
        balancer.updated(&other);
        wish(&gate, named(77), source(9).0, 0);
        assert_eq!(Asked(&balancer, &other).choose(None).0, Some(77), "with another token");
        let fewer = fake(8, |_| true);
        balancer.updated(&fewer);
        wish(&gate, named(77), source(9).0, 0);
        assert_eq!(Asked(&balancer, &fewer).choose(None).1, [Choice::UnknownToken, Choice::ByHash]);
        balancer.updated(&other);
        wish(&gate, named(77), source(9).0, 0);
        assert_eq!(Asked(&balancer, &other).choose(None).0, Some(77), "it is back");
    }

    #[test]
    fn tokens_are_given_to_the_servers_at_their_addresses_and_what_is_none_to_nobody() {
        let mut servers = fake(4, |_| true).0;
        servers[3].address = "[2001:db8::1]:7000".to_owned();
        let mut tokens = Tokens::default();
        tokens.read(b"10.0.0.4:7000=01fF 10.0.0.3:7000=0x nonsense = 10.9.9.9:1=01");
        tokens.read(b"\xff\xff");
        tokens.read(b"[2001:DB8:0::1]:7000=7f 10.0.0.2:7000=gg");
        tokens.give(&mut servers);
        let given: Vec<_> = servers.into_iter().map(|server| server.token).collect();
        assert_eq!(given, [vec![1, 255], vec![], vec![], vec![127]]);
    }

    #[test]
    fn where_each_datagram_is_routed_a_client_without_a_token_stays_where_it_is() {
        let (policy, gate) = policy("each");
        let each = RULES.replace("\"known\": 64", "\"known\": 4096, \"route-each-datagram\": true");
        gate.change(Rules::parse(each.as_bytes()).unwrap());
        let servers = fake(9, |_| true);
        let balancer = Balancer::new(&policy, &servers);
        let asked = |servers: &Fake, n: u32, second: u64| {
            let (from, hash) = source(n);
            wish(&gate, Found::Nothing, from, second * SECOND);
            Asked(&balancer, servers).choose(Some(hash))
        };
        let first: Vec<_> = (0..40).map(|n| asked(&servers, n, 100).0.unwrap()).collect();
        let closed = fake(9, |n| n % 2 == 0);
        balancer.updated(&closed);
        for n in 0..40 {
            let (chosen, counted) = asked(&closed, n, 130);
            assert_eq!(chosen, Some(first[n as usize]), "closed or not");
            assert_eq!(counted, [Choice::Again]);
        }
        let (from, hash) = source(3);
        wish(&gate, named(7), from, 131 * SECOND);
        let by_token = Asked(&balancer, &closed).choose(Some(hash)).0;
        assert_eq!(by_token, Some(7), "a token goes before");
        gate.change(Rules::parse(each.as_bytes()).unwrap());
        let mut fewer = fake(9, |n| n % 2 == 0);
        fewer.0.retain(|server| server.token[0] != first[0]);
        balancer.updated(&fewer);
        for n in 0..40 {
            let (chosen, _) = asked(&fewer, n, 150);
            if first[n as usize] == first[0] {
                assert_eq!(chosen.unwrap() % 2, 0, "its server has been given up");
            } else {
                assert_eq!(chosen, Some(first[n as usize]));
            }
        }
        let late = asked(&fewer, 5, 150 + 61).1;
        assert_eq!(late, [Choice::ByHash], "silent for longer than it is remembered");
    }
}
