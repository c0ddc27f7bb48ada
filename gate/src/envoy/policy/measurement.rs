//! What servers cost: time for a choice, and memory. `cargo test --release -- --nocapture measurement`
//! shows the figures of docs/performance.md.
#![allow(unsafe_code)]

use super::tests::{source, Fake, RULES};
use super::*;
use crate::rules::Rules;
use crate::token::{Token, LONGEST};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::time::Instant;

/// The allocator, which counts what each thread holds and has held at most.
struct Counting;

thread_local! {
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn add(bytes: isize) {
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        held.set((now + bytes, most.max(now + bytes)));
    });
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a piece of work has allocated and not freed, and the most it held meanwhile.
fn held<T>(work: impl FnOnce() -> T) -> (T, isize, isize) {
    let before = HELD.with(|held| {
        let (now, _) = held.get();
        held.set((now, now));
        now
    });
    let done = work();
    let (now, most) = HELD.with(Cell::get);
    (done, now - before, most - before)
}

fn policy(service: &str) -> (Arc<Policy>, Arc<Gate>) {
    let gate = gate_of(service);
    let rules = RULES.replace("\"length\": 1", "\"length\": 8");
    gate.change(Rules::parse(rules.as_bytes()).expect("rules"));
    (Policy::new(service), gate)
}

fn fleet(count: u32) -> Fake {
    let server = |n: u32| Server {
        address: format!("10.{}.{}.{}:7000", n >> 16, n >> 8 & 255, n & 255),
        token: [n.to_be_bytes(); 4].concat(),
        state: State { weight: 50 + n % 50, open: n % 10 != 0 },
    };
    Fake((0..count).map(server).collect())
}

fn wished(n: u32) -> Found {
    let mut bytes = [0; LONGEST];
    bytes[..8].copy_from_slice(&[n.to_be_bytes(); 2].concat());
    Found::Token(Token { bytes, length: 8, keyed: false })
}

/// Servers of which it is counted how often Envoy is asked.
struct Asked {
    servers: Fake,
    times: Cell<u64>,
}

impl Servers for Asked {
    fn each(&self, then: impl FnMut(Endpoint<'_>)) {
        self.servers.each(then);
    }

    fn usable(&self) -> usize {
        self.servers.usable()
    }

    fn address<T>(&self, index: usize, then: impl FnOnce(&str) -> T) -> Option<T> {
        self.times.set(self.times.get() + 1);
        self.servers.address(index, then)
    }
}

/// A cluster and the clients that come to it.
struct Cluster {
    gate: Arc<Gate>,
    servers: Asked,
    balancer: Balancer,
    clients: Vec<(Option<(IpAddr, u16)>, u64)>,
}

impl Cluster {
    fn of(count: u32) -> Cluster {
        let (policy, gate) = policy(&format!("times-{count}"));
        let servers = Asked { servers: fleet(count), times: Cell::new(0) };
        let balancer = Balancer::new(&policy, &servers);
        Cluster { gate, servers, balancer, clients: (0..5_000).map(source).collect() }
    }

    /// Nanoseconds of a choice, of one after the other.
    fn choice(&self, wish_of: impl Fn(u32) -> Found) -> f64 {
        let started = Instant::now();
        for (n, (from, hash)) in (0..).zip(&self.clients) {
            wish(&self.gate, wish_of(n), *from, 0);
            black_box(self.balancer.choose(&self.servers, Some(*hash), |_| {}).expect("a server"));
        }
        started.elapsed().as_nanos() as f64 / self.clients.len() as f64
    }

    /// By tokens of all servers, as clients have them.
    fn by_token(&self) -> f64 {
        let count = self.servers.usable() as u32;
        self.choice(|n| wished(n.wrapping_mul(2_654_435_761) % count))
    }

    fn by_hash(&self) -> f64 {
        self.choice(|_| Found::Nothing)
    }

    /// Of a thread's first one after servers came or went.
    fn first(&self) -> f64 {
        *self.balancer.indexes.borrow_mut() = Indexes::default();
        let started = Instant::now();
        black_box(self.balancer.choose(&self.servers, Some(7), |_| {}));
        started.elapsed().as_nanos() as f64
    }
}

/// The medians of what two take in turn, and of their ratio: neighbours share what disturbs them.
fn in_turn(few: impl Fn() -> f64, many: impl Fn() -> f64) -> [f64; 3] {
    let turns: Vec<_> = (0..61).map(|_| (few(), many())).collect();
    let median = |of: fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = turns.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    [median(|turn| turn.0), median(|turn| turn.1), median(|turn| turn.1 / turn.0)]
}

#[test]
fn a_choice_takes_as_long_among_many_servers_as_among_few() {
    let (few, many) = (Cluster::of(100), Cluster::of(10_000));
    for (what, [one, other, ratio]) in [
        ("a choice by token", in_turn(|| few.by_token(), || many.by_token())),
        ("a choice by hash", in_turn(|| few.by_hash(), || many.by_hash())),
    ] {
        println!("{what}, 100 / 10,000 servers: {one:.0} / {other:.0} ns, {ratio:.2}");
        // A look at each server would make it a hundred; memory that no cache holds makes it a few.
        assert!(ratio < 30.0, "{ratio}");
    }
    for cluster in [&few, &many] {
        cluster.servers.times.set(0);
        cluster.by_token();
        cluster.by_hash();
        let choices = 2 * cluster.clients.len() as u64;
        assert!(cluster.servers.times.get() <= 2 * choices, "what Envoy is asked for a choice");
    }
    let [one, other, _] = in_turn(|| few.first(), || many.first());
    println!("a thread's first one: {:.0} / {:.0} us", one / 1e3, other / 1e3);
}

#[test]
fn memory_grows_with_the_servers_by_little() {
    for count in [100, 10_000] {
        let (policy, gate) = policy(&format!("memory-{count}"));
        let servers = fleet(count);
        let (main, bytes, most) = held(|| Balancer::new(&policy, &servers));
        let ((), changing, _) = held(|| main.updated(&servers));
        let worker = std::thread::scope(|scope| {
            let work = || {
                let (worker, bytes, _) = held(|| {
                    let worker = Balancer::new(&policy, &servers);
                    wish(&gate, wished(1), source(1).0, 0);
                    worker.choose(&servers, Some(source(1).1), |_| {});
                    worker
                });
                drop(worker);
                bytes
            };
            scope.spawn(work).join().expect("it ends")
        });
        println!(
            "memory, {count} servers: {bytes} bytes, {most} while they are read; each worker {worker}"
        );
        assert!(changing.abs() < 1_000, "{changing}: a change keeps nothing of before");
        let table = 4 * crate::maglev::SIZE as isize;
        assert!(bytes < table + 100_000 + 400 * count as isize, "{bytes}");
        assert!(worker < 10_000 + 8 * count as isize, "{worker}");
    }
}
