//! Envoy's C functions and ours, as of version 0.2.0 of its interface for dynamic modules. All that
//! is unsafe stands here: what Envoy hands over is turned into slices and references, and the rest
//! is left to safe code.
#![allow(unsafe_code)]

use super::module::{self, Filter, FilterConfig, Host, Level, Packet};
use super::policy::{Balancer, Choice, Endpoint, Policy, Servers};
use crate::directory::State;
use crate::gate::Gate;
use crate::packet::Datagram;
use std::ffi::{c_char, c_int, c_uint, c_void, CStr};
use std::io::Write;
use std::net::IpAddr;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// The interface's version that this module was written and tested against.
const ABI_VERSION: &CStr = c"v0.2.0";

const CONTINUE: c_int = 0;
const STOP_ITERATION: c_int = 1;
const SUCCESS: c_int = 0;

type EnvoyPtr = *mut c_void;

/// A run of bytes of Envoy's or ours.
#[repr(C)]
#[derive(Clone, Copy)]
struct Buffer {
    start: *const c_char,
    length: usize,
}

impl Buffer {
    const EMPTY: Buffer = Buffer { start: std::ptr::null(), length: 0 };

    fn of(text: &str) -> Buffer {
        Buffer { start: text.as_ptr().cast(), length: text.len() }
    }

    /// The bytes, for as long as Envoy promises: until the call it made returns.
    ///
    /// # Safety
    ///
    /// Envoy must have filled the buffer in during the call of Envoy's that is being answered.
    unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.start.is_null() || self.length == 0 {
            return &[];
        }
        // SAFETY: Envoy says that there are so many bytes.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.length) }
    }
}

/// Envoy's functions. They are looked up by name when the module is loaded, so that an Envoy
/// without one of them refuses the module instead of crashing at the first datagram.
struct Callbacks {
    log: unsafe extern "C" fn(c_uint, Buffer),
    define_counter: unsafe extern "C" fn(EnvoyPtr, Buffer, *mut usize) -> c_int,
    increment_counter: unsafe extern "C" fn(EnvoyPtr, usize, u64) -> c_int,
    chunks_size: unsafe extern "C" fn(EnvoyPtr) -> usize,
    chunks: unsafe extern "C" fn(EnvoyPtr, *mut Buffer) -> bool,
    peer_address: unsafe extern "C" fn(EnvoyPtr, *mut Buffer, *mut u32) -> bool,
    lb_define_counter:
        unsafe extern "C" fn(EnvoyPtr, Buffer, *mut Buffer, usize, *mut usize) -> c_int,
    lb_increment_counter: unsafe extern "C" fn(EnvoyPtr, usize, *mut Buffer, usize, u64) -> c_int,
    hosts: unsafe extern "C" fn(EnvoyPtr, u32) -> usize,
    healthy_hosts: unsafe extern "C" fn(EnvoyPtr, u32) -> usize,
    host_address: unsafe extern "C" fn(EnvoyPtr, u32, usize, *mut Buffer) -> bool,
    healthy_host_address: unsafe extern "C" fn(EnvoyPtr, u32, usize, *mut Buffer) -> bool,
    host_weight: unsafe extern "C" fn(EnvoyPtr, u32, usize) -> u32,
    host_health: unsafe extern "C" fn(EnvoyPtr, u32, usize) -> c_int,
    host_text: unsafe extern "C" fn(EnvoyPtr, u32, usize, Buffer, Buffer, *mut Buffer) -> bool,
    host_truth: unsafe extern "C" fn(EnvoyPtr, u32, usize, Buffer, Buffer, *mut bool) -> bool,
    hash_key: unsafe extern "C" fn(EnvoyPtr, *mut u64) -> bool,
}

/// A clock that costs next to nothing to read, since it moves only every few milliseconds.
const CLOCK_MONOTONIC_COARSE: c_int = 6;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanos: i64,
}

extern "C" {
    fn clock_gettime(clock: c_int, now: *mut Timespec) -> c_int;
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
}

static CALLBACKS: OnceLock<Callbacks> = OnceLock::new();

/// One of Envoy's functions by its name.
///
/// # Safety
///
/// `F` must be the type of the function of that name.
unsafe fn find<F: Copy>(name: &'static CStr) -> Result<F, &'static CStr> {
    // SAFETY: a null handle searches the whole process; the name ends with a zero; and the caller
    // answers for F.
    unsafe {
        let found = dlsym(std::ptr::null_mut(), name.as_ptr());
        if found.is_null() {
            Err(name)
        } else {
            Ok(std::mem::transmute_copy(&found))
        }
    }
}

fn look_up() -> Result<Callbacks, &'static CStr> {
    // SAFETY: the fields have the types that version 0.2.0 of the interface gives these functions.
    unsafe {
        Ok(Callbacks {
            log: find(c"envoy_dynamic_module_callback_log")?,
            define_counter: find(
                c"envoy_dynamic_module_callback_udp_listener_filter_config_define_counter",
            )?,
            increment_counter: find(
                c"envoy_dynamic_module_callback_udp_listener_filter_increment_counter",
            )?,
            chunks_size: find(
                c"envoy_dynamic_module_callback_udp_listener_filter_get_datagram_data_chunks_size",
            )?,
            chunks: find(
                c"envoy_dynamic_module_callback_udp_listener_filter_get_datagram_data_chunks",
            )?,
            peer_address: find(
                c"envoy_dynamic_module_callback_udp_listener_filter_get_peer_address",
            )?,
            lb_define_counter: find(c"envoy_dynamic_module_callback_lb_config_define_counter")?,
            lb_increment_counter: find(
                c"envoy_dynamic_module_callback_lb_config_increment_counter",
            )?,
            hosts: find(c"envoy_dynamic_module_callback_lb_get_hosts_count")?,
            healthy_hosts: find(c"envoy_dynamic_module_callback_lb_get_healthy_hosts_count")?,
            host_address: find(c"envoy_dynamic_module_callback_lb_get_host_address")?,
            healthy_host_address: find(
                c"envoy_dynamic_module_callback_lb_get_healthy_host_address",
            )?,
            host_weight: find(c"envoy_dynamic_module_callback_lb_get_host_weight")?,
            host_health: find(c"envoy_dynamic_module_callback_lb_get_host_health")?,
            host_text: find(c"envoy_dynamic_module_callback_lb_get_host_metadata_string")?,
            host_truth: find(c"envoy_dynamic_module_callback_lb_get_host_metadata_bool")?,
            hash_key: find(c"envoy_dynamic_module_callback_lb_context_compute_hash_key")?,
        })
    }
}

/// Envoy at large.
struct Envoy(&'static Callbacks);

impl Host for Envoy {
    fn log(&self, level: Level, line: &str) {
        let level = match level {
            Level::Info => 2,
            Level::Warn => 3,
            Level::Error => 4,
        };
        // SAFETY: Envoy copies the line before it returns.
        unsafe { (self.0.log)(level, Buffer::of(line)) }
    }
}

/// Envoy while it asks about a datagram.
struct AtHand {
    callbacks: &'static Callbacks,
    filter: EnvoyPtr,
}

impl Host for AtHand {
    fn log(&self, level: Level, line: &str) {
        Envoy(self.callbacks).log(level, line);
    }
}

impl Packet for AtHand {
    fn source(&self) -> Option<(IpAddr, u16)> {
        let (mut text, mut port) = (Buffer::EMPTY, 0);
        // SAFETY: Envoy asks about a datagram, so its filter is there, and the text lives as long.
        let text = unsafe {
            if !(self.callbacks.peer_address)(self.filter, &mut text, &mut port) {
                return None;
            }
            text.bytes()
        };
        Some((module::address(text)?, u16::try_from(port).ok()?))
    }

    fn now(&self) -> u64 {
        let mut now = Timespec { seconds: 0, nanos: 0 };
        // SAFETY: the clock exists on every Linux; it writes to the pointer given.
        unsafe { clock_gettime(CLOCK_MONOTONIC_COARSE, &mut now) };
        // Since the machine's start, which is more than a second ago.
        now.seconds.unsigned_abs() * 1_000_000_000 + now.nanos.unsigned_abs() + 1_000_000_000
    }

    fn count(&self, counter: usize) {
        // SAFETY: Envoy asks about a datagram, so its filter is there. It checks the number.
        unsafe { (self.callbacks.increment_counter)(self.filter, counter, 1) };
    }
}

impl AtHand {
    /// Hands over the datagram in its chunks.
    fn with_datagram<T>(&self, then: impl FnOnce(&Datagram) -> T) -> T {
        // SAFETY: Envoy asks about a datagram, so its filter and the datagram are there; it fills in
        // as many buffers as it says there are chunks.
        unsafe {
            let count = (self.callbacks.chunks_size)(self.filter);
            if count == 1 {
                let mut buffer = Buffer::EMPTY;
                (self.callbacks.chunks)(self.filter, &mut buffer);
                then(&Datagram::new(&[buffer.bytes()]))
            } else {
                // Envoy reads a datagram in one piece, so this is for what its interface allows.
                let mut buffers = vec![Buffer::EMPTY; count];
                (self.callbacks.chunks)(self.filter, buffers.as_mut_ptr());
                let chunks: Vec<&[u8]> = buffers.iter().map(|buffer| buffer.bytes()).collect();
                then(&Datagram::new(&chunks))
            }
        }
    }
}

/// Answers Envoy with what a fallible piece of work came to, and with null if it failed or
/// panicked.
fn boxed<T>(work: impl FnOnce(Envoy) -> Option<T>) -> *mut c_void {
    let Some(callbacks) = CALLBACKS.get() else { return std::ptr::null_mut() };
    let made = catch_unwind(AssertUnwindSafe(|| work(Envoy(callbacks)))).ok().flatten();
    made.map_or(std::ptr::null_mut(), |made| Box::into_raw(Box::new(made)).cast())
}

/// Takes back what [`boxed`] gave.
///
/// # Safety
///
/// The pointer must be from [`boxed`] for the same type, and not have been taken back before.
unsafe fn dropped<T>(given: *mut c_void) {
    if !given.is_null() {
        // SAFETY: see above.
        let given = unsafe { Box::from_raw(given.cast::<T>()) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(given)));
    }
}

/// Envoy has loaded the module: null refuses.
#[no_mangle]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    match look_up() {
        Ok(callbacks) => {
            let _ = CALLBACKS.set(callbacks);
            log_first_panic();
            ABI_VERSION.as_ptr()
        }
        Err(missing) => {
            complain(&format!(
                "this Envoy has no {}, so it cannot have the gate; this module is for Envoy 1.40",
                missing.to_string_lossy()
            ));
            std::ptr::null()
        }
    }
}

/// Logs the first panic only; the counter has the others, of which there may be one for each
/// datagram.
fn log_first_panic() {
    static LOGGED: AtomicBool = AtomicBool::new(false);
    std::panic::set_hook(Box::new(|panic| {
        if !LOGGED.swap(true, Relaxed) {
            complain(&format!("panic in the gate, please report it; datagrams pass: {panic}"));
        }
    }));
}

/// Says what Envoy's log cannot be told. `eprintln` would panic where nothing can be written, on a
/// full disk or to a pipe without a reader, and that within a panic would end Envoy.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "bolina_gate: {line}");
}

// The policies. One balances nothing, and its configuration is a service's rules; the other chooses
// the servers of a service, and its configuration never changes.

/// The configuration of the policy that chooses servers.
const CHOOSES: &[u8] = b"tokens";

/// What Envoy holds of a cluster's policy.
enum Cluster {
    /// It keeps the rules in force.
    Rules { _gate: Arc<Gate> },
    /// It chooses servers.
    Servers { policy: Arc<Policy>, config: EnvoyPtr, counters: [usize; Choice::ALL.len()] },
}

/// A policy's configuration has arrived: null refuses it.
///
/// # Safety
///
/// Envoy's buffers must be what they say.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_lb_config_new(
    config: EnvoyPtr,
    name: Buffer,
    settings: Buffer,
) -> *mut c_void {
    // SAFETY: both buffers are of this very call.
    let (name, settings) = unsafe { (name.bytes(), settings.bytes()) };
    boxed(|envoy| {
        let service = std::str::from_utf8(name).ok()?;
        if settings != CHOOSES {
            let gate = module::rules_arrived(&envoy, service, settings)?;
            return Some(Cluster::Rules { _gate: gate });
        }
        let mut counters = [0; Choice::ALL.len()];
        for choice in Choice::ALL {
            let counter = format!("{service}.{}", choice.name());
            let number = &mut counters[choice as usize];
            // SAFETY: Envoy's configuration is there during this call; there are no labels.
            let result = unsafe {
                (envoy.0.lb_define_counter)(
                    config,
                    Buffer::of(&counter),
                    std::ptr::null_mut(),
                    0,
                    number,
                )
            };
            (result == SUCCESS).then_some(())?;
        }
        Some(Cluster::Servers { policy: Policy::new(service), config, counters })
    })
}

/// # Safety
///
/// The pointer must be from the function above.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_lb_config_destroy(cluster: *mut c_void) {
    // SAFETY: it is what the function above gave.
    unsafe { dropped::<Cluster>(cluster) }
}

/// One thread's instance of a policy.
struct OnThread {
    cluster: *const Cluster,
    balancer: Option<Balancer>,
}

/// A cluster's servers as one thread sees them.
struct OfLb {
    callbacks: &'static Callbacks,
    lb: EnvoyPtr,
}

const NAMESPACE: &str = "bolina";

impl Servers for OfLb {
    fn each(&self, mut then: impl FnMut(Endpoint<'_>)) {
        const HEALTHY: c_int = 2;
        let callbacks = self.callbacks;
        // SAFETY: Envoy calls an instance while it is there, and this one on the main thread, which
        // alone changes metadata; what Envoy lends is read before it is asked again.
        unsafe {
            let space = Buffer::of(NAMESPACE);
            for i in 0..(callbacks.hosts)(self.lb, 0) {
                let (mut closed, mut tokens) = (false, Buffer::EMPTY);
                let marked =
                    (callbacks.host_truth)(self.lb, 0, i, space, Buffer::of("closed"), &mut closed);
                let key = Buffer::of("tokens");
                if marked && (callbacks.host_text)(self.lb, 0, i, space, key, &mut tokens) {
                    then(Endpoint::Tokens(tokens.bytes()));
                    continue;
                }
                let mut address = Buffer::EMPTY;
                if !(callbacks.host_address)(self.lb, 0, i, &mut address) {
                    continue;
                }
                let Ok(address) = std::str::from_utf8(address.bytes()) else { continue };
                let state = State {
                    weight: (callbacks.host_weight)(self.lb, 0, i),
                    open: !closed && (callbacks.host_health)(self.lb, 0, i) == HEALTHY,
                };
                then(Endpoint::Server(address, state));
            }
        }
    }

    fn usable(&self) -> usize {
        // SAFETY: Envoy calls an instance while it is there.
        unsafe { (self.callbacks.healthy_hosts)(self.lb, 0) }
    }

    fn address<T>(&self, index: usize, then: impl FnOnce(&str) -> T) -> Option<T> {
        let mut address = Buffer::EMPTY;
        // SAFETY: as above; an address is its server's, which this thread's servers keep.
        unsafe {
            if !(self.callbacks.healthy_host_address)(self.lb, 0, index, &mut address) {
                return None;
            }
            std::str::from_utf8(address.bytes()).ok().map(then)
        }
    }
}

/// A thread gets its instance.
///
/// # Safety
///
/// The configuration must be one of ours.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_lb_new(
    cluster: *mut c_void,
    lb: EnvoyPtr,
) -> *mut c_void {
    if cluster.is_null() {
        return std::ptr::null_mut();
    }
    let cluster = cluster.cast::<Cluster>().cast_const();
    boxed(|envoy| {
        // SAFETY: it is what config_new gave, and stays until after its last instance.
        let balancer = match unsafe { &*cluster } {
            Cluster::Rules { .. } => None,
            Cluster::Servers { policy, .. } => {
                Some(Balancer::new(policy, &OfLb { callbacks: envoy.0, lb }))
            }
        };
        Some(OnThread { cluster, balancer })
    })
}

/// A session needs a server.
///
/// # Safety
///
/// The instance must be one of ours, and used by its own thread alone.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_lb_choose_host(
    lb: EnvoyPtr,
    instance: *mut c_void,
    context: EnvoyPtr,
    priority: *mut u32,
    index: *mut u32,
) -> bool {
    let Some(callbacks) = CALLBACKS.get() else { return false };
    if instance.is_null() {
        return false;
    }
    let chosen = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: it is what lb_new gave; its cluster is there until after it.
        let instance = unsafe { &*instance.cast::<OnThread>() };
        let (Some(balancer), Cluster::Servers { config, counters, .. }) =
            // SAFETY: see above.
            (&instance.balancer, unsafe { &*instance.cluster })
        else {
            return None;
        };
        let mut hash = 0;
        // SAFETY: the context is of this very call.
        let hashed = !context.is_null() && unsafe { (callbacks.hash_key)(context, &mut hash) };
        let servers = OfLb { callbacks, lb };
        balancer.choose(&servers, hashed.then_some(hash), |choice| {
            // SAFETY: the configuration is there as long as its cluster, and counters may be
            // incremented from every thread.
            unsafe {
                (callbacks.lb_increment_counter)(
                    *config,
                    counters[choice as usize],
                    std::ptr::null_mut(),
                    0,
                    1,
                );
            }
        })
    }));
    let Ok(Some(chosen)) = chosen else { return false };
    // SAFETY: Envoy says where it wants the answer.
    unsafe {
        *priority = 0;
        *index = chosen as u32;
    }
    true
}

/// The servers have changed.
///
/// # Safety
///
/// The instance must be one of ours, and used by its own thread alone.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_lb_on_host_membership_update(
    lb: EnvoyPtr,
    instance: *mut c_void,
    _added: usize,
    _removed: usize,
) {
    let Some(callbacks) = CALLBACKS.get() else { return };
    if instance.is_null() {
        return;
    }
    // A fault leaves the servers as they were.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: it is what lb_new gave.
        let instance = unsafe { &*instance.cast::<OnThread>() };
        if let Some(balancer) = &instance.balancer {
            balancer.updated(&OfLb { callbacks, lb });
        }
    }));
}

/// # Safety
///
/// The pointer must be from lb_new.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_lb_destroy(instance: *mut c_void) {
    // SAFETY: it is what lb_new gave.
    unsafe { dropped::<OnThread>(instance) }
}

// The filter.

/// A listener with the filter has come.
///
/// # Safety
///
/// Envoy's buffers must be what they say.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_udp_listener_filter_config_new(
    config: EnvoyPtr,
    name: Buffer,
    _settings: Buffer,
) -> *mut c_void {
    // SAFETY: the buffer is of this very call.
    let name = unsafe { name.bytes() };
    boxed(|envoy| {
        FilterConfig::new(std::str::from_utf8(name).ok()?, |counter| {
            let mut number = 0;
            // SAFETY: Envoy's configuration is there during this call, in which alone counters can
            // be defined.
            let result =
                unsafe { (envoy.0.define_counter)(config, Buffer::of(counter), &mut number) };
            (result == SUCCESS).then_some(number)
        })
    })
}

/// # Safety
///
/// The pointer must be from the function above.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_udp_listener_filter_config_destroy(
    config: *mut c_void,
) {
    // SAFETY: it is what the function above gave.
    unsafe { dropped::<Arc<FilterConfig>>(config) }
}

/// A worker begins to listen.
///
/// # Safety
///
/// The configuration must be one of ours.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_udp_listener_filter_new(
    config: *mut c_void,
    _filter: EnvoyPtr,
) -> *mut c_void {
    if config.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: it is what config_new gave, and is not taken back while filters of it are there.
    let config = unsafe { &*config.cast::<Arc<FilterConfig>>() };
    boxed(|_| Some(Filter::new(config)))
}

/// A datagram has come.
///
/// # Safety
///
/// The filter must be one of ours, and used by its own worker alone.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_udp_listener_filter_on_data(
    envoy: EnvoyPtr,
    filter: *mut c_void,
) -> c_int {
    let Some(callbacks) = CALLBACKS.get() else { return CONTINUE };
    if filter.is_null() {
        return CONTINUE;
    }
    // SAFETY: it is what filter_new gave, and Envoy calls a worker's filter from that worker alone.
    let filter = unsafe { &mut *filter.cast::<Filter>() };
    let at_hand = AtHand { callbacks, filter: envoy };
    let passes = catch_unwind(AssertUnwindSafe(|| {
        at_hand.with_datagram(|datagram| filter.passes(datagram, &at_hand))
    }));
    match passes {
        Ok(true) => CONTINUE,
        Ok(false) => STOP_ITERATION,
        Err(_) => {
            // A fault of ours must break no session.
            filter.fault(&at_hand);
            CONTINUE
        }
    }
}

/// # Safety
///
/// The pointer must be from the function above.
#[no_mangle]
unsafe extern "C" fn envoy_dynamic_module_on_udp_listener_filter_destroy(filter: *mut c_void) {
    // SAFETY: it is what filter_new gave.
    unsafe { dropped::<Filter>(filter) }
}
