//! Fuzzed datagrams. What the gate decides about a datagram's form is held against a second opinion,
//! written here by hand for each protocol without the gate's code.
#![no_main]

use bolina_gate::gate::Gate;
use bolina_gate::packet::Datagram;
use bolina_gate::rules::{Rule, Rules};
use bolina_gate::token::Found;
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

const SECOND: u64 = 1_000_000_000;

const TABLES: &str = r#""source-ipv4-prefix": 24, "source-ipv6-prefix": 64, "sources": 64,
    "known": 64, "known-for": 60, "log-every": 10"#;

/// Rules and the second opinion on what they mean.
const PROTOCOLS: [(&str, fn(&[u8]) -> bool); 4] = [
    (
        r#""size": {"min": 4, "max": 300},
           "patterns": [{"name": "magic", "offset": 0, "any-of": ["b011"], "mask": "ffff"},
                        {"name": "version", "offset": 2, "any-of": ["10", "20"], "mask": "f0"}],
           "lengths": [{"name": "body", "offset": 3, "width": 1, "order": "big", "unit": 1, "plus": 4}]"#,
        |p| {
            (4..=300).contains(&p.len())
                && p[0] == 0xb0
                && p[1] == 0x11
                && (p[2] >> 4 == 1 || p[2] >> 4 == 2)
                && usize::from(p[3]) + 4 == p.len()
        },
    ),
    (
        r#""lengths": [{"name": "words", "offset": 0, "width": 2, "order": "little", "unit": 4, "plus": 2}]"#,
        |p| p.len() >= 2 && usize::from(u16::from_le_bytes([p[0], p[1]])) * 4 + 2 == p.len(),
    ),
    (
        r#""patterns": [{"name": "long", "offset": 5, "any-of": ["0102030405060708"], "mask": "ff00ff00ff00ff01"}]"#,
        |p| {
            p.len() >= 13
                && [p[5], p[7], p[9], p[11]] == [1, 3, 5, 7]
                && p[12] & 1 == 0
        },
    ),
    (
        r#""size": {"min": 0, "max": 64},
           "lengths": [{"name": "all", "offset": 1, "width": 4, "order": "big", "unit": 1, "plus": 0},
                       {"name": "rest", "offset": 5, "width": 3, "order": "little", "unit": 1, "plus": 8}]"#,
        |p| {
            (8..=64).contains(&p.len())
                && u32::from_be_bytes([p[1], p[2], p[3], p[4]]) as usize == p.len()
                && u32::from_le_bytes([p[5], p[6], p[7], 0]) as usize + 8 == p.len()
        },
    ),
];

fn gates() -> &'static Vec<Gate> {
    static GATES: OnceLock<Vec<Gate>> = OnceLock::new();
    GATES.get_or_init(|| {
        let gate = |fields: &str| {
            let gate = Gate::default();
            gate.change(Rules::parse(format!("{{{TABLES}, {fields}}}").as_bytes()).unwrap());
            gate
        };
        let mut gates: Vec<Gate> = PROTOCOLS.iter().map(|(fields, _)| gate(fields)).collect();
        gates.push(gate(
            r#""first-size": 20, "source-packets": {"rate": 100, "burst": 50},
               "source-sessions": {"rate": 10, "burst": 5}, "sessions": {"rate": 100, "burst": 50},
               "deny": ["0.0.0.0/9"], "allow": ["0.0.0.0/1"]"#,
        ));
        gates
    })
}

fn form(number: usize, datagram: &Datagram, bytes: &[u8]) {
    let in_force = gates()[number].in_force.load();
    let source = || Some((IpAddr::V4(Ipv4Addr::LOCALHOST), 1));
    let decision = in_force.as_ref().unwrap().decide(datagram, || false, source, || SECOND);
    let well_formed = PROTOCOLS[number].1(bytes);
    assert_eq!(decision.rejected.is_none(), well_formed, "protocol {number}: {bytes:?}");
}

/// A token is found whatever the cuts, within the datagram, and as plainly as by hand.
fn token(datagram: &Datagram, bytes: &[u8]) {
    static TOKENS: OnceLock<Vec<Rules>> = OnceLock::new();
    let all = TOKENS.get_or_init(|| {
        [
            r#""token": {"offset": 3, "length": 4}"#,
            r#""token": {"offset": -5, "length": 5}"#,
            r#""quic-lb": [{"codepoint": 0, "server-id-length": 8, "nonce-length": 0},
                           {"codepoint": 1, "server-id-length": 3, "nonce-length": 4},
                           {"codepoint": 5, "server-id-length": 15, "nonce-length": 4}]"#,
        ]
        .iter()
        .map(|fields| Rules::parse(format!("{{{TABLES}, {fields}}}").as_bytes()).unwrap())
        .collect()
    });
    let found = |rules: &Rules| match rules.tokens.read(datagram) {
        Found::Token(token) => Some(token.bytes[..token.length].to_vec()),
        _ => None,
    };
    let unless_zero = |bytes: Option<&[u8]>| {
        bytes.filter(|b| b.iter().any(|b| *b != 0)).map(<[u8]>::to_vec)
    };
    assert_eq!(found(&all[0]), unless_zero(bytes.get(3..7)));
    assert_eq!(
        found(&all[1]),
        unless_zero(bytes.len().checked_sub(5).and_then(|from| bytes.get(from..)))
    );
    let id = match bytes {
        [first, ..] if first & 0x80 == 0 => bytes.get(1..),
        [_, _, _, _, _, length, id @ ..] => id.get(..usize::from(*length)).or_else(|| {
            // An id that goes on beyond the datagram, as far as it is needed.
            Some(id)
        }),
        _ => None,
    };
    let expected = id.and_then(|id| match id {
        [first, rest @ ..] => {
            let (server_id, nonce) = match first >> 5 {
                0 => (8, 0),
                1 => (3, 4),
                5 => (15, 4),
                _ => return None,
            };
            rest.get(..server_id + nonce).map(|rest| rest[..server_id].to_vec())
        }
        [] => None,
    });
    assert_eq!(found(&all[2]), expected, "{bytes:?}");
}

fn source(datagram: &Datagram, address: [u8; 4], port: u8, second: u8) {
    let in_force = gates()[PROTOCOLS.len()].in_force.load();
    let sender = || Some((IpAddr::from(address), u16::from(port)));
    let decision =
        in_force.as_ref().unwrap().decide(datagram, || false, sender, || SECOND + u64::from(second) * SECOND);
    let rule = decision.rejected.map(|violation| violation.rule);
    match address[0] {
        0 if address[1] < 128 => assert_eq!(rule, Some(Rule::Denied)),
        128.. => assert_eq!(rule, Some(Rule::NotAllowed)),
        _ => assert!(!matches!(rule, Some(Rule::Denied | Rule::NotAllowed))),
    }
}

fuzz_target!(|data: &[u8]| {
    let [what, cut, other, bytes @ ..] = data else { return };
    // However Envoy cuts a datagram, the answer is the same.
    let cut = usize::from(*cut).min(bytes.len());
    let other = usize::from(*other).clamp(cut, bytes.len().max(cut));
    let chunks = [&bytes[..cut], &bytes[cut..other], &bytes[other..]];
    let datagram = Datagram::new(&chunks);
    token(&datagram, bytes);
    match usize::from(*what) % (PROTOCOLS.len() + 1) {
        number if number < PROTOCOLS.len() => form(number, &datagram, bytes),
        _ => {
            if let [a, b, c, d, port, second, ..] = bytes {
                source(&datagram, [*a, *b, *c, *d], *port, *second);
            }
        }
    }
});
