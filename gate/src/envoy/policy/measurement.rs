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

/// Nanoseconds of a choice by token and of one by hash, the best of several rounds, and of the first
/// one after a change of which servers there are.
fn times(count: u32) -> [f64; 3] {
    const CHOICES: u32 = 20_000;
    let (policy, gate) = policy(&format!("times-{count}"));
    let servers = fleet(count);
    let balancer = Balancer::new(&policy, &servers);
    let clients: Vec<_> = (0..CHOICES).map(source).collect();
    let choose = |wish_of: &dyn Fn(u32) -> Found| {
        let started = Instant::now();
        for (n, (from, hash)) in (0..).zip(&clients) {
            wish(&gate, wish_of(n), *from, 0);
            black_box(balancer.choose(&servers, Some(*hash), |_| {}).expect("a server"));
        }
        started.elapsed().as_nanos() as f64 / f64::from(CHOICES)
    };
    // Spread over all of them, as clients are.
    let by_token = |n: u32| wished(n.wrapping_mul(2_654_435_761) % count);
    let best = |wish_of: &dyn Fn(u32) -> Found| {
        (0..15).map(|_| choose(wish_of)).fold(f64::INFINITY, f64::min)
    };
    let (token, hash) = (best(&by_token), best(&|_| Found::Nothing));
    let first = (0..5).map(|_| {
        *balancer.indexes.borrow_mut() = Indexes::default();
        let started = Instant::now();
        black_box(balancer.choose(&servers, Some(7), |_| {}));
        started.elapsed().as_nanos() as f64
    });
    [token, hash, first.fold(f64::INFINITY, f64::min)]
}

#[test]
fn a_choice_takes_as_long_among_many_servers_as_among_few() {
    let (few, many) = (times(100), times(10_000));
    println!(
        "a choice, 100 / 10,000 servers: by token {:.0} / {:.0} ns, by hash {:.0} / {:.0} ns; a \
         thread's first one after servers came or went: {:.0} / {:.0} us",
        few[0],
        many[0],
        few[1],
        many[1],
        few[2] / 1e3,
        many[2] / 1e3
    );
    // A look at each server would make it a hundred; the memory that is touched may make it a few.
    for (few, many) in few.iter().zip(many).take(2) {
        assert!(many / few < 10.0, "{many} ns, and {few} ns");
    }
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
