//! The module's work, in safe terms: rules that arrive, filters that obey.

use super::policy;
use crate::gate::{Decision, Gate, InForce, Violation};
use crate::packet::Datagram;
use crate::rules::{Rule, Rules};
use crate::shared::Keep;
use crate::token::Found;
use arc_swap::cache::Cache;
use arc_swap::ArcSwapOption;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// How urgent a line in Envoy's log is.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Info,
    Warn,
    Error,
}

/// What can be asked of Envoy at any time.
pub(super) trait Host {
    fn log(&self, level: Level, line: &str);
}

/// What can be asked of Envoy about the datagram at hand.
pub(super) trait Packet: Host {
    fn source(&self) -> Option<(IpAddr, u16)>;

    /// Nanoseconds since some beginning, from a second on. A few milliseconds off is good enough.
    fn now(&self) -> u64;

    fn count(&self, counter: usize);
}

/// The gates by service. Only Envoy's main thread takes this lock, when a configuration comes or
/// goes; workers never do. A gate lives as long as a filter or a cluster holds it.
static GATES: Mutex<BTreeMap<String, Weak<Gate>>> = Mutex::new(BTreeMap::new());

/// The environment variable that names the folder of what is to outlive this Envoy.
const KEEP: &str = "BOLINA_GATE_DIR";

pub(super) fn gate_of(service: &str) -> Arc<Gate> {
    let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    gates.retain(|_, gate| gate.strong_count() > 0);
    if let Some(gate) = gates.get(service).and_then(Weak::upgrade) {
        return gate;
    }
    let folder = std::env::var_os(KEEP).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let gate = Arc::new(Gate::keeping(Keep::new(folder, service)));
    gates.insert(service.to_owned(), Arc::downgrade(&gate));
    gate
}

/// Puts rules in force; `None` if they are refused. Whoever holds the result keeps them in force.
pub(super) fn rules_arrived(host: &impl Host, service: &str, json: &[u8]) -> Option<Arc<Gate>> {
    let gate = gate_of(service);
    let unread = |why| {
        host.log(
            Level::Error,
            &format!("gate of '{service}': {why}; clients with such ids go by the hash"),
        );
    };
    let parsed = if gate.in_force.load().is_none() {
        // Refused, they would leave this Envoy without any rules.
        Rules::parse_first(json, unread)
    } else {
        Rules::parse(json)
    };
    match parsed {
        Ok(rules) => {
            let shields = if rules.shields { "UP: only known clients pass" } else { "down" };
            let orders = if rules.ordered.is_empty() { "no" } else { "some" };
            host.log(
                Level::Info,
                &format!(
                    "gate of '{service}': rules applied; shields {shields}; \
                     {orders} networks denied by order"
                ),
            );
            gate.change_and_tell(rules, |why| {
                host.log(
                    Level::Error,
                    &format!(
                        "gate of '{service}': clients are not known to the next Envoy here: {why}"
                    ),
                );
            });
            Some(gate)
        }
        Err(wrong) => {
            host.log(
                Level::Error,
                &format!(
                    "gate of '{service}': rules rejected; previous rules stay in force: {wrong}. Is \
                     the control plane of another version than this module?"
                ),
            );
            None
        }
    }
}

/// The counters of a service in Envoy's statistics, by their number there.
struct Counters {
    rejected: [usize; Rule::ALL.len()],
    would_reject: [usize; Rule::ALL.len()],
    forgotten_clients: usize,
    forgotten_newcomers: usize,
    forgotten_sources: usize,
    no_rules: usize,
    faults: usize,
}

/// A listener's filter, of which each worker gets an instance.
pub(super) struct FilterConfig {
    service: String,
    gate: Arc<Gate>,
    counters: Counters,
}

impl FilterConfig {
    /// `counter` makes one in Envoy, which puts the service before its name; `None` if that fails.
    pub(super) fn new(
        service: &str,
        mut counter: impl FnMut(&str) -> Option<usize>,
    ) -> Option<Arc<FilterConfig>> {
        let mut by_rule = |verb: &str| {
            let mut numbers = [0; Rule::ALL.len()];
            for rule in Rule::ALL {
                numbers[rule as usize] = counter(&format!("{verb}_{}", rule.name()))?;
            }
            Some(numbers)
        };
        let (rejected, would_reject) = (by_rule("rejected")?, by_rule("would_reject")?);
        Some(Arc::new(FilterConfig {
            service: service.to_owned(),
            gate: gate_of(service),
            counters: Counters {
                rejected,
                would_reject,
                forgotten_clients: counter("forgotten_clients")?,
                forgotten_newcomers: counter("forgotten_newcomers")?,
                forgotten_sources: counter("forgotten_sources")?,
                no_rules: counter("no_rules")?,
                faults: counter("faults")?,
            },
        }))
    }
}

/// The gate of a filter, as the cache of its rules wants to hold it.
struct Holder(Arc<FilterConfig>);

impl Deref for Holder {
    type Target = ArcSwapOption<InForce>;

    fn deref(&self) -> &Self::Target {
        &self.0.gate.in_force
    }
}

/// One worker's filter.
pub(super) struct Filter {
    config: Arc<FilterConfig>,
    /// The rules in force. Whether they have changed is one look at one word.
    rules: Cache<Holder, Option<Arc<InForce>>>,
}

impl Filter {
    pub(super) fn new(config: &Arc<FilterConfig>) -> Filter {
        Filter { config: config.clone(), rules: Cache::new(Holder(config.clone())) }
    }

    /// Whether a datagram passes.
    pub(super) fn passes(&mut self, datagram: &Datagram, packet: &impl Packet) -> bool {
        let config = &self.config;
        let counters = &config.counters;
        let Some(in_force) = self.rules.load().as_deref() else {
            policy::wish_nothing();
            packet.count(counters.no_rules);
            return true;
        };
        let found = in_force.rules.tokens.read(datagram);
        // Asked for once, and only if something needs it: Envoy writes it as text.
        let each = in_force.rules.each_datagram;
        let source = (each || found != Found::Nothing).then(|| packet.source());
        match source {
            Some(source) => {
                let at = if each { packet.now() } else { 0 };
                policy::wish(&config.gate, found, source, at);
            }
            None => policy::wish_nothing(),
        }
        let source = || source.unwrap_or_else(|| packet.source());
        let decision = config.gate.decide(in_force, datagram, found, source, || packet.now());
        if decision == Decision::default() {
            return true;
        }
        if decision.forgot_client {
            packet.count(counters.forgotten_clients);
        }
        if decision.forgot_newcomer {
            packet.count(counters.forgotten_newcomers);
        }
        if decision.forgot_source {
            packet.count(counters.forgotten_sources);
        }
        if let Some(violation) = decision.would_be {
            packet.count(counters.would_reject[violation.rule as usize]);
            config.log_rejection("would be rejected", violation, in_force, datagram, packet);
        }
        if let Some(violation) = decision.rejected {
            packet.count(counters.rejected[violation.rule as usize]);
            config.log_rejection("rejected", violation, in_force, datagram, packet);
        }
        decision.rejected.is_none()
    }

    /// Something went wrong inside; the datagram passes.
    pub(super) fn fault(&self, packet: &impl Packet) {
        packet.count(self.config.counters.faults);
    }
}

impl FilterConfig {
    fn log_rejection(
        &self,
        what: &str,
        violation: Violation,
        in_force: &InForce,
        datagram: &Datagram,
        packet: &impl Packet,
    ) {
        let rules = &in_force.rules;
        let now = packet.now() / 1_000_000_000;
        let Some(suppressed) = self.gate.samples.log(violation.rule, now, rules.log_every) else {
            return;
        };
        let name = match violation.rule {
            Rule::Pattern => rules.patterns.get(violation.number).map(|pattern| &pattern.name),
            Rule::Length => rules.lengths.get(violation.number).map(|length| &length.name),
            _ => None,
        };
        let mut line = format!("gate of '{}': {what} by {}", self.service, violation.rule.name());
        if let Some(name) = name {
            let _ = write!(line, " '{name}'");
        }
        match packet.source() {
            Some((IpAddr::V6(address), port)) => {
                let _ = write!(line, ": [{address}]:{port}");
            }
            Some((address, port)) => {
                let _ = write!(line, ": {address}:{port}");
            }
            None => line.push_str(": a sender without an address"),
        }
        let _ = write!(line, ", {} bytes", datagram.size());
        if datagram.size() > 0 {
            line.push_str(" beginning ");
            for byte in datagram.beginning() {
                let _ = write!(line, "{byte:02x}");
            }
        }
        let _ = write!(line, "; {suppressed} more by this rule since it was last logged");
        packet.log(Level::Warn, &line);
    }
}

/// Reads an address as Envoy writes it. Nearly all are IPv4, which this does in a fraction of the
/// time that the standard library takes; whatever is not plainly one is left to that.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    let (mut octets, mut number, mut digits) = ([0; 4], 0, 0);
    let mut place = 0;
    for byte in text {
        match byte {
            b'0'..=b'9' if digits < 3 => {
                number = number * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && place < 3 && number < 256 => {
                octets[place] = number as u8;
                (place, number, digits) = (place + 1, 0, 0);
            }
            _ => return std::str::from_utf8(text).ok()?.parse().ok(),
        }
    }
    if place != 3 || digits == 0 || number > 255 {
        return None;
    }
    octets[3] = number as u8;
    Some(IpAddr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    const LEAST: &str = r#"{"source-ipv4-prefix": 32, "source-ipv6-prefix": 64, "sources": 64,
        "known": 64, "known-for": 60, "log-every": 10, "size": {"min": 2, "max": 9}}"#;

    #[derive(Default)]
    struct FakeHost {
        log: RefCell<Vec<String>>,
        counted: RefCell<Vec<usize>>,
    }

    impl Host for FakeHost {
        fn log(&self, _level: Level, line: &str) {
            self.log.borrow_mut().push(line.to_owned());
        }
    }

    impl Packet for FakeHost {
        fn source(&self) -> Option<(IpAddr, u16)> {
            Some(("2001:db8::7".parse().unwrap(), 77))
        }

        fn now(&self) -> u64 {
            1 << 40
        }

        fn count(&self, counter: usize) {
            self.counted.borrow_mut().push(counter);
        }
    }

    fn filter(service: &str) -> (Filter, Vec<String>) {
        let mut names = Vec::new();
        let config = FilterConfig::new(service, |name| {
            names.push(name.to_owned());
            Some(names.len() - 1)
        })
        .unwrap();
        (Filter::new(&config), names)
    }

    #[test]
    fn addresses_are_read_as_the_standard_library_reads_them() {
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "255.255.255.255",
            "1.22.133.4",
            "::1",
            "2001:db8::7",
            "::ffff:1.2.3.4",
            "256.1.1.1",
            "1.2.3",
            "1.2.3.255",
            "1.2.3.256",
            "1.2.3.4.5",
            "1.2.3.",
            ".1.2.3",
            "1..2.3",
            "1.2.3.1234",
            "",
            "a.b.c.d",
            "1.2.3.4%lo",
            "1.2.3.4 ",
        ] {
            assert_eq!(address(text.as_bytes()), text.parse().ok(), "{text}");
        }
        assert_eq!(address(b"\xff\xfe"), None);
    }

    #[test]
    fn rules_reach_a_filter_that_was_there_before_them_and_outlive_their_cluster() {
        let (mut filter, names) = filter("early");
        let host = FakeHost::default();
        let junk = Datagram::new(&[b"!"]);
        assert!(filter.passes(&junk, &host));
        assert_eq!(names[host.counted.borrow()[0]], "no_rules");
        let cluster = rules_arrived(&host, "early", LEAST.as_bytes()).unwrap();
        assert!(!filter.passes(&junk, &host));
        assert_eq!(names[host.counted.borrow()[1]], "rejected_size");
        drop(cluster);
        assert!(!filter.passes(&junk, &host), "the cluster is gone, the rules are not");
        assert!(rules_arrived(&host, "early", b"{}").is_none());
        assert!(!filter.passes(&junk, &host), "refused rules change nothing");
        assert!(host.log.borrow().last().unwrap().contains("missing field"));
    }

    #[test]
    fn a_rejection_is_logged_with_source_and_rule() {
        let (mut filter, _) = filter("logged");
        let host = FakeHost::default();
        let _cluster = rules_arrived(&host, "logged", LEAST.as_bytes()).unwrap();
        for _ in 0..100 {
            assert!(!filter.passes(&Datagram::new(&[b"\x01"]), &host));
        }
        let log = host.log.borrow();
        assert_eq!(log.len(), 2, "{log:?}");
        assert!(log[0].contains("shields down"));
        assert!(
            log[1].contains("rejected by size: [2001:db8::7]:77, 1 bytes beginning 01; 0 more"),
            "{log:?}"
        );
    }
}
