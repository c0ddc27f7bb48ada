//! What a service's datagrams must look like and how many there may be, as the control plane sends
//! it: JSON, which docs/gate.md explains field by field. The control plane has checked it with
//! messages for people; here it is checked once more, for whatever else may arrive.

use crate::network::Networks;
use crate::packet::{Datagram, LONGEST_RUN};
use crate::quic_lb::QuicLb;
use crate::rate::Limit;
use crate::token::{Tokens, CODEPOINTS, LONGEST};
use serde::Deserialize;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

const LARGEST_DATAGRAM: usize = 65_507;
const LARGEST_TABLE: usize = 1 << 24;
const LONGEST_KEPT: u64 = 7 * 86_400;

/// A rule. The order is that in which a datagram is held against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Its size is out of range.
    Size,
    /// Bytes at an offset are not what they must be.
    Pattern,
    /// A length field disagrees with its size.
    Length,
    /// Its source is on a deny list of the registry.
    Ordered,
    /// Its source is on the deny list.
    Denied,
    /// Its source is not on the allow list.
    NotAllowed,
    /// Its source sends too many datagrams.
    SourcePackets,
    /// It is a first packet, and the shields are up.
    Shields,
    /// It is a first packet, and too small.
    FirstSize,
    /// Its source begins too many sessions.
    SourceSessions,
    /// All sources together begin too many sessions.
    Sessions,
}

impl Rule {
    /// All rules in their order.
    pub const ALL: [Rule; 11] = [
        Rule::Size,
        Rule::Pattern,
        Rule::Length,
        Rule::Ordered,
        Rule::Denied,
        Rule::NotAllowed,
        Rule::SourcePackets,
        Rule::Shields,
        Rule::FirstSize,
        Rule::SourceSessions,
        Rule::Sessions,
    ];

    /// Its name in counters and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Size => "size",
            Rule::Pattern => "pattern",
            Rule::Length => "length",
            Rule::Ordered => "ordered",
            Rule::Denied => "denied",
            Rule::NotAllowed => "not_allowed",
            Rule::SourcePackets => "source_packets",
            Rule::Shields => "shields",
            Rule::FirstSize => "first_size",
            Rule::SourceSessions => "source_sessions",
            Rule::Sessions => "sessions",
        }
    }

    fn named(name: &str) -> Option<Rule> {
        Rule::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// Bytes that must stand at an offset.
#[derive(Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What the log calls it.
    pub name: String,
    /// Where it begins.
    pub offset: usize,
    /// What may stand there, each already masked; any one of them will do.
    pub any_of: Vec<Vec<u8>>,
    /// Which bits count.
    pub mask: Vec<u8>,
}

impl Pattern {
    /// Whether a datagram is like this.
    pub fn fits(&self, datagram: &Datagram) -> bool {
        datagram.run(self.offset, self.mask.len(), |run| {
            let fits = |wanted: &Vec<u8>| {
                let bytes = run.iter().zip(&self.mask).zip(wanted);
                bytes.into_iter().all(|((byte, mask), want)| byte & mask == *want)
            };
            self.any_of.iter().any(fits)
        })
    }
}

/// A length field: its value times `unit` plus `plus` must be the datagram's size.
#[derive(Debug, PartialEq, Eq)]
pub struct Length {
    /// What the log calls it.
    pub name: String,
    /// Where it begins.
    pub offset: usize,
    /// 1, 2, 3 or 4 bytes.
    pub width: usize,
    /// Whether its last byte counts least.
    pub big_endian: bool,
    /// How many bytes one stands for.
    pub unit: u64,
    /// What it does not count.
    pub plus: u64,
}

/// Everything about one service.
pub struct Rules {
    /// The smallest and the largest datagram.
    pub size: Option<(usize, usize)>,
    /// The smallest first packet.
    pub first_size: Option<usize>,
    /// What must stand where.
    pub patterns: Vec<Pattern>,
    /// Length fields.
    pub lengths: Vec<Length>,
    /// If not empty, the only networks that may send.
    pub allow: Networks,
    /// Networks that may not send.
    pub deny: Networks,
    /// Networks that may not send by an order in the registry.
    pub ordered: Networks,
    /// Only known clients may send.
    pub shields: bool,
    /// Datagrams of one source.
    pub source_packets: Option<Limit>,
    /// Sessions that one source begins.
    pub source_sessions: Option<Limit>,
    /// Sessions that all sources begin.
    pub sessions: Option<Limit>,
    /// Where a datagram says which server it is for.
    pub tokens: Tokens,
    /// Envoy asks for the server of each datagram, and not only of a session's first one.
    pub each_datagram: bool,
    /// How many bits of an address make a source, per family.
    pub source_prefix: (u32, u32),
    /// How many sources are remembered.
    pub sources: usize,
    /// How many clients are remembered, whatever the rules: whoever is here when the shields go up
    /// must be known.
    pub known: usize,
    /// For how many seconds of silence a client is remembered.
    pub known_for: u64,
    /// The least time between two log lines about one rule, in seconds.
    pub log_every: u64,
    counted_only: [bool; Rule::ALL.len()],
}

impl Rules {
    /// Reads the rules of a service.
    pub fn parse(json: &[u8]) -> Result<Rules, String> {
        let raw: Raw = serde_json::from_slice(json).map_err(|wrong| wrong.to_string())?;
        raw.checked(&mut Err)
    }

    /// The same where there are no rules yet: without those keys that cannot be read, of which
    /// `unread` is told. All other rules are worth having.
    pub fn parse_first(json: &[u8], mut unread: impl FnMut(String)) -> Result<Rules, String> {
        let raw: Raw = serde_json::from_slice(json).map_err(|wrong| wrong.to_string())?;
        raw.checked(&mut |why| {
            unread(why);
            Ok(())
        })
    }

    /// Whether a rule only counts what it would reject.
    pub fn only_counts(&self, rule: Rule) -> bool {
        self.counted_only[rule as usize]
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    size: Option<RawSize>,
    #[serde(default)]
    first_size: Option<usize>,
    #[serde(default)]
    patterns: Vec<RawPattern>,
    #[serde(default)]
    lengths: Vec<RawLength>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
    #[serde(default)]
    ordered: Vec<String>,
    #[serde(default)]
    shields: bool,
    #[serde(default)]
    source_packets: Option<RawLimit>,
    #[serde(default)]
    source_sessions: Option<RawLimit>,
    #[serde(default)]
    sessions: Option<RawLimit>,
    #[serde(default)]
    token: Option<RawToken>,
    #[serde(default)]
    quic_lb: Vec<RawQuicLb>,
    #[serde(default)]
    route_each_datagram: bool,
    source_ipv4_prefix: u32,
    source_ipv6_prefix: u32,
    sources: usize,
    known: usize,
    known_for: u64,
    log_every: u64,
    #[serde(default)]
    shadow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSize {
    min: usize,
    max: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawPattern {
    name: String,
    offset: usize,
    any_of: Vec<String>,
    mask: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLength {
    name: String,
    offset: usize,
    width: usize,
    order: Order,
    unit: u64,
    plus: u64,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Order {
    Big,
    Little,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimit {
    rate: f64,
    burst: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawToken {
    offset: isize,
    length: usize,
    #[serde(default)]
    only: Option<RawPattern>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawQuicLb {
    codepoint: usize,
    server_id_length: usize,
    nonce_length: usize,
    #[serde(default)]
    key_file: Option<String>,
}

impl RawToken {
    fn checked(self) -> Result<Tokens, String> {
        require((1..=LONGEST).contains(&self.length), "a token has 1 to 16 bytes")?;
        let far = self.offset.unsigned_abs();
        require(far <= LARGEST_DATAGRAM, "token: the offset is too large")?;
        require(
            self.offset >= 0 || far >= self.length,
            "token: from so near the end there is no room for its length",
        )?;
        let only = self.only.map(RawPattern::checked).transpose()?;
        Ok(Tokens::At { offset: self.offset, length: self.length, only })
    }
}

impl RawQuicLb {
    fn key(&self) -> Result<Option<[u8; 16]>, String> {
        let Some(file) = &self.key_file else { return Ok(None) };
        let named = |why| format!("quic-lb {}: key file {file}: {why}", self.codepoint);
        key(file).map(Some).map_err(named)
    }

    fn with(&self, key: Option<[u8; 16]>) -> Result<QuicLb, String> {
        if self.nonce_length == 0 && self.server_id_length == 8 && key.is_none() {
            // What servers have that were made for another balancer.
            return Ok(QuicLb::aws_nlb());
        }
        QuicLb::new(self.server_id_length, self.nonce_length, key)
            .map_err(|wrong| format!("quic-lb {}: {wrong}", self.codepoint))
    }
}

/// What comes of a key that cannot be read: it may be refused, or done without.
type Unread<'a> = &'a mut dyn FnMut(String) -> Result<(), String>;

/// Reads a key from a file on this Envoy's machine: 16 bytes, or 32 hexadecimal digits. What is
/// wrong is said without what stands there.
fn key(file: &str) -> Result<[u8; 16], String> {
    let mut content = Vec::new();
    // Whatever has that path must not hold Envoy's main thread, as a pipe would.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file);
    let file = file.map_err(|wrong| wrong.to_string())?;
    require(file.metadata().is_ok_and(|about| about.is_file()), "it is no file")?;
    file.take(64).read_to_end(&mut content).map_err(|wrong| wrong.to_string())?;
    if let Ok(key) = <[u8; 16]>::try_from(&content[..]) {
        return Ok(key);
    }
    let text = std::str::from_utf8(&content).unwrap_or_default().trim();
    let digits = hex(text).and_then(|bytes| bytes.try_into().ok());
    digits.ok_or_else(|| "it has neither 16 bytes nor 32 hexadecimal digits".to_owned())
}

fn tokens(
    token: Option<RawToken>,
    quic_lb: Vec<RawQuicLb>,
    unread: Unread,
) -> Result<Tokens, String> {
    if quic_lb.is_empty() {
        return token.map_or(Ok(Tokens::None), RawToken::checked);
    }
    require(token.is_none(), "token and quic-lb are both given")?;
    let mut configs: [Option<QuicLb>; CODEPOINTS] = Default::default();
    let mut seen = [false; CODEPOINTS];
    for raw in quic_lb {
        require(raw.codepoint < CODEPOINTS, "quic-lb: a codepoint is not 0 to 6")?;
        require(!seen[raw.codepoint], "quic-lb: a codepoint is given twice")?;
        seen[raw.codepoint] = true;
        match raw.key() {
            Ok(key) => configs[raw.codepoint] = Some(raw.with(key)?),
            Err(why) => unread(why)?,
        }
    }
    Ok(Tokens::QuicLb(Box::new(configs)))
}

impl Raw {
    fn checked(self, unread: Unread) -> Result<Rules, String> {
        if let Some(size) = &self.size {
            require(size.min <= size.max, "size: min is more than max")?;
        }
        require(self.source_ipv4_prefix <= 32, "source-ipv4-prefix is more than 32")?;
        require(self.source_ipv6_prefix <= 128, "source-ipv6-prefix is more than 128")?;
        require(self.sources <= LARGEST_TABLE, "sources is too large")?;
        require((1..=LARGEST_TABLE).contains(&self.known), "known is 0 or too large")?;
        require(self.known_for <= LONGEST_KEPT, "known-for is more than a week")?;
        let mut counted_only = [false; Rule::ALL.len()];
        for name in &self.shadow {
            let rule = Rule::named(name).ok_or(format!("shadow: there is no rule '{name}'"))?;
            counted_only[rule as usize] = true;
        }
        Ok(Rules {
            each_datagram: self.route_each_datagram,
            size: self.size.map(|size| (size.min, size.max)),
            first_size: self.first_size,
            patterns: self
                .patterns
                .into_iter()
                .map(RawPattern::checked)
                .collect::<Result<_, _>>()?,
            lengths: self.lengths.into_iter().map(RawLength::checked).collect::<Result<_, _>>()?,
            allow: Networks::parse(&self.allow)?,
            deny: Networks::parse(&self.deny)?,
            ordered: Networks::parse(&self.ordered)?,
            shields: self.shields,
            source_packets: limit("source-packets", self.source_packets)?,
            source_sessions: limit("source-sessions", self.source_sessions)?,
            sessions: limit("sessions", self.sessions)?,
            tokens: tokens(self.token, self.quic_lb, unread)?,
            source_prefix: (self.source_ipv4_prefix, self.source_ipv6_prefix),
            sources: self.sources,
            known: self.known,
            known_for: self.known_for,
            log_every: self.log_every,
            counted_only,
        })
    }
}

impl RawPattern {
    fn checked(self) -> Result<Pattern, String> {
        let name = self.name;
        let mask = hex(&self.mask).ok_or(format!("pattern {name}: the mask is not hexadecimal"))?;
        let length = mask.len();
        require((1..=LONGEST_RUN).contains(&length), "a pattern has 1 to 64 bytes")?;
        require(self.offset <= LARGEST_DATAGRAM, "a pattern's offset is too large")?;
        require(!self.any_of.is_empty(), "a pattern has no bytes")?;
        let mut any_of = Vec::with_capacity(self.any_of.len());
        for text in &self.any_of {
            let mut bytes =
                hex(text).ok_or(format!("pattern {name}: '{text}' is not hexadecimal"))?;
            require(bytes.len() == length, "a pattern's bytes and mask differ in length")?;
            bytes.iter_mut().zip(&mask).for_each(|(byte, mask)| *byte &= mask);
            any_of.push(bytes);
        }
        Ok(Pattern { name, offset: self.offset, any_of, mask })
    }
}

impl RawLength {
    fn checked(self) -> Result<Length, String> {
        require((1..=4).contains(&self.width), "a length has 1 to 4 bytes")?;
        require(self.offset <= LARGEST_DATAGRAM, "a length's offset is too large")?;
        require((1..=65_536).contains(&self.unit), "a length's unit is not 1 to 65536")?;
        require(self.plus <= 65_536, "a length's plus is more than 65536")?;
        Ok(Length {
            name: self.name,
            offset: self.offset,
            width: self.width,
            big_endian: self.order == Order::Big,
            unit: self.unit,
            plus: self.plus,
        })
    }
}

fn limit(name: &str, raw: Option<RawLimit>) -> Result<Option<Limit>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let sound = raw.rate.is_finite() && raw.rate > 0.0 && raw.rate <= 1e9 && raw.burst >= 1;
    require(sound, &format!("{name}: a rate above 0 and a burst of 1 or more are needed"))?;
    Ok(Some(Limit::new(raw.rate, raw.burst)))
}

/// Reads whole bytes in hexadecimal; `None` if a text is none.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    if digits.len() % 2 != 0 {
        return None;
    }
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn require(sound: bool, wrong: &str) -> Result<(), String> {
    if sound {
        Ok(())
    } else {
        Err(wrong.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#""source-ipv4-prefix": 32, "source-ipv6-prefix": 64, "sources": 64,
        "known": 64, "known-for": 60, "log-every": 10"#;

    fn parse(fields: &str) -> Result<Rules, String> {
        let comma = if fields.is_empty() { "" } else { "," };
        Rules::parse(format!("{{{LEAST}{comma}{fields}}}").as_bytes())
    }

    #[test]
    fn nothing_but_the_tables() {
        let rules = parse("").unwrap();
        assert_eq!(rules.size, None);
        assert!(!rules.shields && rules.patterns.is_empty() && rules.allow.is_empty());
        assert!(Rule::ALL.into_iter().all(|rule| !rules.only_counts(rule)));
    }

    #[test]
    fn patterns_are_masked_when_they_are_read() {
        let rules = parse(
            r#""patterns": [{"name": "version", "offset": 4, "any-of": ["1f", "2F"], "mask": "f0"}],
               "shadow": ["pattern"]"#,
        )
        .unwrap();
        assert_eq!(rules.patterns[0].any_of, [[0x10], [0x20]]);
        assert!(rules.only_counts(Rule::Pattern) && !rules.only_counts(Rule::Size));
    }

    #[test]
    fn keys_stand_in_files_and_are_never_said() {
        let file = std::env::temp_dir().join(format!("bolina-key-{}", std::process::id()));
        let fields = format!(
            r#""quic-lb": [{{"codepoint": 2, "server-id-length": 3, "nonce-length": 4,
                             "key-file": {:?}}}]"#,
            file.to_str().unwrap()
        );
        for good in [&b"sixteen bytes!!!"[..], b"8f95f09245765f80256934e50c66207f\n"] {
            std::fs::write(&file, good).unwrap();
            assert_eq!(parse(&fields).unwrap().tokens.lengths(), [3]);
        }
        for bad in [&b"sixteen bytes!!"[..], b"8f95f09245765f80256934e50c66207", b"", &[b'f'; 99]] {
            std::fs::write(&file, bad).unwrap();
            let mut unread = Vec::new();
            let whole = format!("{{{LEAST},{fields}}}");
            let first = Rules::parse_first(whole.as_bytes(), |why| unread.push(why)).unwrap();
            assert!(first.tokens.lengths().is_empty(), "all other rules hold");
            let said = parse(&fields).map(|_| ()).unwrap_err();
            assert_eq!(unread, std::slice::from_ref(&said));
            assert!(said.ends_with("neither 16 bytes nor 32 hexadecimal digits"), "{said}");
        }
        std::fs::remove_file(&file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
        assert!(made.success());
        assert!(parse(&fields).map(|_| ()).unwrap_err().ends_with("it is no file"));
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (fields, wrong) in [
            (r#""sise": 1"#, "unknown field `sise`"),
            (r#""size": {"min": 2, "max": 1}"#, "min is more than max"),
            (r#""size": {"min": -2, "max": 1}"#, "invalid value"),
            (r#""patterns": [{"name": "m", "offset": 0, "any-of": ["4"], "mask": "ff"}]"#, "hexa"),
            (
                r#""patterns": [{"name": "m", "offset": 0, "any-of": ["41"], "mask": "ffff"}]"#,
                "differ",
            ),
            (r#""patterns": [{"name": "m", "offset": 0, "any-of": [], "mask": "ff"}]"#, "no bytes"),
            (
                r#""patterns": [{"name": "m", "offset": 70000, "any-of": ["41"], "mask": "ff"}]"#,
                "offset",
            ),
            (
                r#""lengths": [{"name": "l", "offset": 0, "width": 5, "order": "big", "unit": 1, "plus": 0}]"#,
                "1 to 4",
            ),
            (
                r#""lengths": [{"name": "l", "offset": 0, "width": 2, "order": "up", "unit": 1, "plus": 0}]"#,
                "order",
            ),
            (r#""deny": ["10.0.0.0/40"]"#, "10.0.0.0/40"),
            (r#""sessions": {"rate": 0, "burst": 1}"#, "sessions: a rate above 0"),
            (r#""sessions": {"rate": 1e999, "burst": 1}"#, "number out of range"),
            (r#""shadow": ["colour"]"#, "colour"),
            (r#""known": 0"#, "known"),
            (r#""token": {"offset": 0, "length": 17}"#, "1 to 16"),
            (r#""token": {"offset": -2, "length": 3}"#, "no room"),
            (r#""token": {"offset": 99999, "length": 3}"#, "offset"),
            (
                r#""quic-lb": [{"codepoint": 7, "server-id-length": 3, "nonce-length": 4}]"#,
                "0 to 6",
            ),
            (
                r#""quic-lb": [{"codepoint": 0, "server-id-length": 16, "nonce-length": 4}]"#,
                "server-id-length",
            ),
            (
                r#""quic-lb": [{"codepoint": 0, "server-id-length": 3, "nonce-length": 3}]"#,
                "nonce-length",
            ),
            (
                r#""quic-lb": [{"codepoint": 0, "server-id-length": 3, "nonce-length": 4},
                               {"codepoint": 0, "server-id-length": 3, "nonce-length": 4}]"#,
                "twice",
            ),
            (
                r#""quic-lb": [{"codepoint": 0, "server-id-length": 3, "nonce-length": 4,
                                "key-file": "/no/such/key"}]"#,
                "quic-lb 0: key file /no/such/key: No such file",
            ),
            (
                r#""token": {"offset": 0, "length": 4},
                   "quic-lb": [{"codepoint": 0, "server-id-length": 3, "nonce-length": 4}]"#,
                "both",
            ),
        ] {
            let said = parse(fields).map(|_| ()).unwrap_err();
            assert!(
                said.contains(wrong) || wrong == "order" && said.contains("up"),
                "{fields}: {said}"
            );
        }
        for bad in ["", "null", "[]", "{}", "{\"known\": 99999999}", "\u{0}"] {
            assert!(Rules::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
