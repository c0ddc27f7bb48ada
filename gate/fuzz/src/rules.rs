//! Fuzzed rules: whatever arrives is either rejected with a reason, or can be applied.
#![no_main]

use bolina_gate::gate::Gate;
use bolina_gate::packet::Datagram;
use bolina_gate::rules::Rules;
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv6Addr};

fuzz_target!(|data: &[u8]| {
    match Rules::parse(data) {
        Err(wrong) => assert!(!wrong.is_empty()),
        Ok(rules) if rules.known.max(rules.sources) > 1 << 12 => {}
        Ok(rules) => {
            let gate = Gate::default();
            gate.change(rules);
            let in_force = gate.in_force.load();
            for bytes in [&b""[..], &[0x41; 64], &[0; 1500]] {
                let source = || Some((IpAddr::V6(Ipv6Addr::LOCALHOST), 1));
                in_force.as_ref().unwrap().decide(&Datagram::new(&[bytes]), || false, source, || 1 << 30);
            }
        }
    }
});
