use super::*;
use std::net::Ipv4Addr;

const TABLES: &str = r#""source-ipv4-prefix": 32, "source-ipv6-prefix": 64, "sources": 4096,
    "known": 4096, "known-for": 60, "log-every": 10"#;

fn rules(fields: &str) -> Rules {
    Rules::parse(format!("{{{TABLES}, {fields}}}").as_bytes()).unwrap()
}

fn gate(fields: &str) -> InForce {
    InForce::after(None, rules(fields), &Keep::default(), |_| {})
}

fn address(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(n))
}

fn decide(gate: &InForce, bytes: &[u8], from: u32, second: u64) -> Decision {
    gate.decide(&Datagram::new(&[bytes]), || false, || Some((address(from), 1)), || second * SECOND)
}

fn rejected_by(gate: &InForce, bytes: &[u8]) -> Option<(Rule, usize)> {
    decide(gate, bytes, 1, 1).rejected.map(|violation| (violation.rule, violation.number))
}

#[test]
fn no_rules_no_rejection() {
    let gate = gate(r#""patterns": []"#);
    assert_eq!(decide(&gate, &[], 1, 1), Decision::default());
    assert_eq!(decide(&gate, &[7; 65_507], 1, 1), Decision::default());
}

#[test]
fn sizes() {
    let gate = gate(r#""size": {"min": 3, "max": 5}"#);
    for (size, rejected) in [(0, true), (2, true), (3, false), (5, false), (6, true)] {
        assert_eq!(rejected_by(&gate, &vec![0; size]).is_some(), rejected, "{size}");
    }
    assert_eq!(rejected_by(&gate, b"ab"), Some((Rule::Size, 0)));
}

#[test]
fn patterns() {
    let gate = gate(
        r#""patterns": [
            {"name": "magic", "offset": 0, "any-of": ["b011"], "mask": "ffff"},
            {"name": "version", "offset": 3, "any-of": ["10", "20"], "mask": "f0"}]"#,
    );
    assert_eq!(rejected_by(&gate, &[0xb0, 0x11, 0, 0x10]), None);
    assert_eq!(rejected_by(&gate, &[0xb0, 0x11, 9, 0x2f, 1]), None, "masked bits and the rest");
    assert_eq!(rejected_by(&gate, &[0xb0, 0x10, 0, 0x10]), Some((Rule::Pattern, 0)));
    assert_eq!(rejected_by(&gate, &[0xb0, 0x11, 0, 0x30]), Some((Rule::Pattern, 1)));
    assert_eq!(rejected_by(&gate, &[0xb0, 0x11, 0]), Some((Rule::Pattern, 1)), "one byte short");
    assert_eq!(rejected_by(&gate, &[]), Some((Rule::Pattern, 0)));
}

#[test]
fn lengths() {
    let of =
        |fields: &str| gate(&format!(r#""lengths": [{{"name": "l", "offset": 1, {fields}}}]"#));
    let big = of(r#""width": 2, "order": "big", "unit": 1, "plus": 3"#);
    assert_eq!(rejected_by(&big, &[9, 0, 2, 1, 1]), None);
    assert_eq!(rejected_by(&big, &[9, 0, 2, 1]), Some((Rule::Length, 0)));
    assert_eq!(rejected_by(&big, &[9, 0, 2, 1, 1, 1]), Some((Rule::Length, 0)));
    assert_eq!(rejected_by(&big, &[9, 0]), Some((Rule::Length, 0)), "the field is cut off");
    let little = of(r#""width": 4, "order": "little", "unit": 4, "plus": 1"#);
    assert_eq!(rejected_by(&little, &[9, 2, 0, 0, 0, 1, 1, 1, 1]), None);
    assert_eq!(rejected_by(&little, &[9, 0, 0, 0, 2, 1, 1, 1, 1]), Some((Rule::Length, 0)));
    assert_eq!(rejected_by(&little, &[9, 255, 255, 255, 255, 1]), Some((Rule::Length, 0)));
}

#[test]
fn networks() {
    let denied = gate(r#""deny": ["0.0.0.8/29"], "ordered": ["0.0.0.64"]"#);
    let rule = |gate: &InForce, from| decide(gate, b"x", from, 1).rejected.map(|f| f.rule);
    for (from, expected) in [
        (7, None),
        (8, Some(Rule::Denied)),
        (15, Some(Rule::Denied)),
        (16, None),
        (64, Some(Rule::Ordered)),
        (65, None),
    ] {
        assert_eq!(rule(&denied, from), expected, "{from}");
    }
    let allowed = gate(r#""allow": ["0.0.0.8/29"], "deny": ["0.0.0.9"]"#);
    assert_eq!(rule(&allowed, 8), None);
    assert_eq!(rule(&allowed, 9), Some(Rule::Denied), "a denial is stronger");
    assert_eq!(rule(&allowed, 7), Some(Rule::NotAllowed));
}

#[test]
fn a_source_without_an_address_passes() {
    let gate = gate(r#""shields": true, "allow": ["10.0.0.0/8"]"#);
    let decision = gate.decide(&Datagram::new(&[b"x"]), || false, || None, || SECOND);
    assert_eq!(decision, Decision::default());
}

#[test]
fn the_first_packet_of_a_client_must_be_larger() {
    let gate = gate(r#""first-size": 10"#);
    assert_eq!(decide(&gate, &[0; 9], 1, 1).rejected.unwrap().rule, Rule::FirstSize);
    assert_eq!(decide(&gate, &[0; 10], 1, 1).rejected, None);
    assert_eq!(decide(&gate, &[0; 1], 1, 1).rejected, None, "it is known by now");
    assert_eq!(decide(&gate, &[0; 1], 2, 1).rejected.unwrap().rule, Rule::FirstSize);
    assert_eq!(decide(&gate, &[0; 1], 1, 62).rejected.unwrap().rule, Rule::FirstSize, "forgotten");
}

#[test]
fn packets_of_a_source_known_or_not() {
    let gate = gate(r#""source-packets": {"rate": 1, "burst": 3}"#);
    let passed = |from, second| {
        (0..9).filter(|_| decide(&gate, b"x", from, second).rejected.is_none()).count()
    };
    assert_eq!((passed(1, 1), passed(2, 1), passed(1, 2)), (3, 3, 1));
    assert_eq!(decide(&gate, b"x", 1, 2).rejected.unwrap().rule, Rule::SourcePackets);
}

/// A client sends ten datagrams a second, from the fifth second on beside so many in its name, from
/// so many ports; how many of the 450 after the fifteenth are lost.
fn lost_beside(in_its_name: u64, ports: u64, prefix: u32, limit: &str) -> usize {
    let json = format!("{{{TABLES}, \"source-packets\": {limit}}}");
    let json = json.replace("prefix\": 32", &format!("prefix\": {prefix}"));
    let gate =
        InForce::after(None, Rules::parse(json.as_bytes()).unwrap(), &Keep::default(), |_| {});
    let passes = |from, port, now| {
        let source = || Some((address(from), port));
        gate.decide(&Datagram::new(&[b"x"]), || false, source, || now).rejected.is_none()
    };
    let (victim, mut forged, mut lost) = (0xc633_6407, 0, 0);
    for ms in 0..60_000u64 {
        let now = 10 * SECOND + ms * 1_000_000;
        while ms > 5_000 && forged < (ms - 5_000) * in_its_name / 1000 {
            forged += 1;
            passes(
                if prefix == 32 { victim } else { victim + 1 },
                1_000 + (forged % ports) as u16,
                now,
            );
        }
        if ms % 100 == 50 {
            lost += usize::from(!passes(victim, 5_000, now + 9) && ms > 15_000);
        }
    }
    lost
}

#[test]
fn who_sends_in_a_known_clients_name_does_not_use_up_what_it_needs() {
    for (in_its_name, ports, prefix, limit) in [
        (400, 1, 32, r#"{"rate": 500, "burst": 1000}"#),
        (600, 1, 32, r#"{"rate": 500, "burst": 1000}"#),
        (2000, 1, 32, r#"{"rate": 500, "burst": 1000}"#),
        (2000, 1, 24, r#"{"rate": 500, "burst": 1000}"#),
        (2000, 100, 32, r#"{"rate": 500, "burst": 1000}"#),
        (5000, 2000, 24, r#"{"rate": 500, "burst": 1000}"#),
        (2000, 1, 32, r#"{"rate": 20, "burst": 20}"#),
        (2000, 100, 32, r#"{"rate": 11, "burst": 11}"#),
    ] {
        let lost = lost_beside(in_its_name, ports, prefix, limit);
        assert_eq!(lost, 0, "{in_its_name} from {ports} ports, {prefix} bits, {limit}");
    }
}

#[test]
fn new_sessions_of_a_source_and_of_all() {
    let gate =
        gate(r#""source-sessions": {"rate": 1, "burst": 3}, "sessions": {"rate": 1, "burst": 5}"#);
    let begin = |from: u32, port: u16| {
        let source = || Some((address(from), port));
        gate.decide(&Datagram::new(&[b"x"]), || false, source, || SECOND).rejected.map(|f| f.rule)
    };
    assert_eq!((1..=9).filter(|port| begin(1, *port).is_none()).count(), 3);
    assert_eq!(begin(1, 10), Some(Rule::SourceSessions));
    assert_eq!((1..=9).filter(|port| begin(2, *port).is_none()).count(), 2, "five in all");
    assert_eq!(begin(3, 1), Some(Rule::Sessions));
    assert_eq!((begin(1, 1), begin(2, 2)), (None, None), "known clients are not counted");
}

#[test]
fn shields_let_known_clients_pass_and_outlive_every_change_of_rules() {
    let gate = Gate::default();
    let decide = |from| {
        let in_force = gate.in_force.load_full().unwrap();
        super::tests::decide(&in_force, b"x", from, 1).rejected.map(|f| f.rule)
    };
    gate.change(rules(r#""patterns": []"#));
    assert_eq!(decide(1), None);
    gate.change(rules(r#""shields": true"#));
    assert_eq!((decide(1), decide(2)), (None, Some(Rule::Shields)));
    for known in [64, 500_000, 8192] {
        let json = format!("{{{TABLES}, \"shields\": true}}")
            .replace("\"known\": 4096", &format!("\"known\": {known}"));
        gate.change(Rules::parse(json.as_bytes()).unwrap());
        assert_eq!((decide(1), decide(2)), (None, Some(Rule::Shields)), "a table of {known}");
    }
    gate.change(rules(r#""shields": false"#));
    assert_eq!(decide(2), None);
}

#[test]
fn allowances_outlive_a_change_of_rules() {
    let gate = Gate::default();
    let json = r#""sessions": {"rate": 1, "burst": 2}, "source-packets": {"rate": 1, "burst": 9}"#;
    let passed = || {
        let in_force = gate.in_force.load_full().unwrap();
        (0..99).filter(|n| decide(&in_force, b"x", 1000 + n, 1).rejected.is_none()).count()
    };
    gate.change(rules(json));
    assert_eq!(passed(), 2);
    gate.change(rules(&format!("{json}, \"size\": {{\"min\": 0, \"max\": 9}}")));
    assert_eq!(passed(), 2, "those two are known; nobody else comes in");
}

#[test]
fn a_rule_in_shadow_only_counts() {
    let gate = gate(
        r#""size": {"min": 3, "max": 5}, "shadow": ["size", "shields"], "shields": true,
           "patterns": [{"name": "m", "offset": 0, "any-of": ["41"], "mask": "ff"}]"#,
    );
    let size = Some(Violation { rule: Rule::Size, number: 0 });
    let decision = decide(&gate, b"A", 1, 1);
    assert_eq!((decision.rejected, decision.would_be), (None, size), "the first of two that count");
    let decision = decide(&gate, b"B", 2, 1);
    assert_eq!(decision.rejected.unwrap().rule, Rule::Pattern, "others reject all the same");
    assert_eq!(decide(&gate, b"ABC", 3, 1).would_be.unwrap().rule, Rule::Shields);
    assert_eq!(decide(&gate, b"ABC", 3, 1), Decision::default(), "it was let in, so it is known");
}

#[test]
fn shields_let_pass_whom_a_server_vouches_for_by_a_key() {
    use crate::directory::{Server, State};
    use crate::token::Token;
    let gate = Gate::default();
    gate.change(rules(
        r#""shields": true, "source-sessions": {"rate": 1, "burst": 2},
           "quic-lb": [{"codepoint": 0, "server-id-length": 3, "nonce-length": 4}]"#,
    ));
    let decide = |token: &[u8; 3], keyed: bool, from: u32| {
        let mut bytes = [0; 16];
        bytes[..3].copy_from_slice(token);
        let found = Found::Token(Token { bytes, length: 3, keyed });
        let in_force = gate.in_force.load_full().unwrap();
        let source = || Some((address(from), 1));
        let datagram = Datagram::new(&[b"x"]);
        gate.decide(&in_force, &datagram, found, source, || SECOND).rejected.map(|v| v.rule)
    };
    assert_eq!(decide(b"abc", true, 1), Some(Rule::Shields), "of no server here");
    let token = b"abcdef".to_vec();
    gate.serve(vec![Server {
        address: "10.0.0.1:1".into(),
        token,
        state: State { weight: 1, open: false },
    }]);
    assert_eq!(decide(b"abc", true, 1), None);
    assert_eq!(decide(b"abc", false, 2), Some(Rule::Shields), "anybody can write a plain one");
    assert_eq!(decide(b"xyz", true, 3), Some(Rule::Shields));
    let in_force = gate.in_force.load_full().unwrap();
    let source = |port| move || Some((address(4), port));
    let mut bytes = [0; 16];
    bytes[..3].copy_from_slice(b"abc");
    let found = Found::Token(Token { bytes, length: 3, keyed: true });
    let passed = (1..=9)
        .filter(|port| {
            let datagram = Datagram::new(&[b"x"]);
            gate.decide(&in_force, &datagram, found, source(*port), || SECOND).rejected.is_none()
        })
        .count();
    assert_eq!(passed, 2, "limits on sessions hold for it too");
}
