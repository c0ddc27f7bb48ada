//! The token in a datagram: which server its sender wants to go on with.

use crate::packet::Datagram;
use crate::quic_lb::QuicLb;
use crate::rules::Pattern;

/// The longest token, in bytes.
pub const LONGEST: usize = 16;

/// Codepoints of QUIC-LB; the eighth, 7, says that an id names no server.
pub const CODEPOINTS: usize = 7;

/// A token as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Its bytes, filled up with zeros.
    pub bytes: [u8; LONGEST],
    /// How many there are.
    pub length: usize,
    /// Whether only a server can have made it.
    pub keyed: bool,
}

/// What a datagram says about its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing, as a new client's.
    Nothing,
    /// There is a connection id that names no server, or cannot be read.
    Undecodable,
    /// A token, though possibly nobody's.
    Token(Token),
}

/// Where the datagrams of a service have their token.
#[derive(Default)]
pub enum Tokens {
    /// Nowhere.
    #[default]
    None,
    /// At a place of their own.
    At {
        /// Bytes from the front; if negative, from the end.
        offset: isize,
        /// How many bytes.
        length: usize,
        /// Only datagrams like this have one.
        only: Option<Pattern>,
    },
    /// In a QUIC connection id, by codepoint.
    QuicLb(Box<[Option<QuicLb>; CODEPOINTS]>),
}

impl Tokens {
    /// Reads a datagram's token.
    pub fn read(&self, datagram: &Datagram) -> Found {
        match self {
            Tokens::None => Found::Nothing,
            Tokens::At { offset, length, only } => {
                if only.as_ref().is_some_and(|pattern| !pattern.fits(datagram)) {
                    return Found::Nothing;
                }
                at(datagram, *offset, *length)
            }
            Tokens::QuicLb(configs) => in_connection_id(datagram, configs),
        }
    }

    /// The lengths that tokens may have.
    pub fn lengths(&self) -> Vec<usize> {
        let mut lengths: Vec<usize> = match self {
            Tokens::None => Vec::new(),
            Tokens::At { length, .. } => vec![*length],
            Tokens::QuicLb(configs) => {
                configs.iter().flatten().map(QuicLb::server_id_length).collect()
            }
        };
        lengths.sort_unstable();
        lengths.dedup();
        lengths
    }
}

fn at(datagram: &Datagram, offset: isize, length: usize) -> Found {
    let from = if offset < 0 {
        datagram.size().checked_sub(offset.unsigned_abs())
    } else {
        Some(offset.unsigned_abs())
    };
    let mut token = Token { bytes: [0; LONGEST], length, keyed: false };
    let read = from.is_some_and(|from| {
        datagram.run(from, length, |run| {
            token.bytes[..length].copy_from_slice(run);
            run.iter().any(|byte| *byte != 0)
        })
    });
    // All zeros is how a client says that it has none yet.
    if read {
        Found::Token(token)
    } else {
        Found::Nothing
    }
}

/// In a short header the id stands behind the first byte, in a long one behind its length.
fn in_connection_id(datagram: &Datagram, configs: &[Option<QuicLb>; CODEPOINTS]) -> Found {
    let (mut first, mut length) = (0, usize::MAX);
    let mut is_long = false;
    datagram.run(0, 1, |run| {
        is_long = run[0] & 0x80 != 0;
        true
    });
    let start = if is_long {
        let there = datagram.run(5, 1, |run| {
            length = usize::from(run[0]);
            true
        });
        if !there || length == 0 {
            return Found::Nothing;
        }
        6
    } else {
        1
    };
    let there = datagram.run(start, 1, |run| {
        first = run[0];
        true
    });
    if !there {
        return Found::Nothing;
    }
    let Some(config) = configs.get(usize::from(first >> 5)).and_then(Option::as_ref) else {
        return Found::Undecodable;
    };
    if length < config.connection_id_length() {
        return Found::Undecodable;
    }
    let mut found = None;
    datagram.run(start + 1, config.connection_id_length() - 1, |run| {
        found = config.decode(run);
        found.is_some()
    });
    found.map_or(Found::Undecodable, |bytes| {
        Found::Token(Token { bytes, length: config.server_id_length(), keyed: config.is_keyed() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tokens: &Tokens, bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
        let whole = tokens.read(&Datagram::new(&[bytes]));
        for cut in 0..=bytes.len() {
            let pieces = [&bytes[..cut], &bytes[cut..]];
            assert_eq!(tokens.read(&Datagram::new(&pieces)), whole, "cut at {cut}");
        }
        match whole {
            Found::Token(token) => Some((token.bytes[..token.length].to_vec(), token.keyed)),
            _ => None,
        }
    }

    fn token_at(offset: isize, length: usize) -> Tokens {
        Tokens::At { offset, length, only: None }
    }

    #[test]
    fn from_the_front_and_from_the_end() {
        assert_eq!(read(&token_at(2, 3), b"abcdefg"), Some((b"cde".to_vec(), false)));
        assert_eq!(read(&token_at(-3, 2), b"abcdefg"), Some((b"ef".to_vec(), false)));
        assert_eq!(read(&token_at(-3, 3), b"efg"), Some((b"efg".to_vec(), false)));
        for (tokens, bytes) in [
            (token_at(2, 3), &b"abcd"[..]),
            (token_at(-3, 3), b"fg"),
            (token_at(0, 2), b""),
            (token_at(0, 2), &[0, 0, 1]),
        ] {
            assert_eq!(read(&tokens, bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn only_of_datagrams_like_a_pattern() {
        let pattern =
            Pattern { name: "data".to_owned(), offset: 0, any_of: vec![vec![7]], mask: vec![0xff] };
        let tokens = Tokens::At { offset: 1, length: 2, only: Some(pattern) };
        assert_eq!(read(&tokens, &[7, 1, 2]), Some((vec![1, 2], false)));
        assert_eq!(read(&tokens, &[6, 1, 2]), None);
    }

    fn quic(configs: Vec<(usize, QuicLb)>) -> Tokens {
        let mut all: [Option<QuicLb>; CODEPOINTS] = Default::default();
        configs.into_iter().for_each(|(codepoint, config)| all[codepoint] = Some(config));
        Tokens::QuicLb(Box::new(all))
    }

    fn short(id: &[u8]) -> Vec<u8> {
        [&[0x41], id, b"payload of it"].concat()
    }

    fn long(id: &[u8], length: usize) -> Vec<u8> {
        [&[0xc3, 0, 0, 0, 1, length as u8], id, &[0, 0], b"rest"].concat()
    }

    #[test]
    fn in_connection_ids_of_both_headers() {
        let plain = || QuicLb::new(3, 4, None).unwrap();
        let keyed = || QuicLb::new(8, 8, Some([9; 16])).unwrap();
        let tokens = quic(vec![(0, plain()), (2, keyed())]);
        assert_eq!(tokens.lengths(), [3, 8]);
        let id = [&[0x1f], &plain().encode(b"abc", b"1234")[..]].concat();
        let other = [&[0x5f], &keyed().encode(b"abcdefgh", b"12345678")[..]].concat();
        for (id, expected) in
            [(&id, (b"abc".to_vec(), false)), (&other, (b"abcdefgh".to_vec(), true))]
        {
            assert_eq!(read(&tokens, &short(id)), Some(expected.clone()));
            assert_eq!(read(&tokens, &long(id, id.len())), Some(expected.clone()));
            let longer = [&id[..], b"xy"].concat();
            assert_eq!(read(&tokens, &long(&longer, longer.len())), Some(expected));
            assert_eq!(read(&tokens, &long(id, id.len() - 1)), None, "says it is shorter");
        }
        let unreadable = |bytes: &[u8]| {
            assert_eq!(tokens.read(&Datagram::new(&[bytes])), Found::Undecodable, "{bytes:?}");
        };
        for codepoint in [1u8, 3, 4, 5, 6, 7] {
            let id = [&[codepoint << 5], &id[1..]].concat();
            unreadable(&short(&id));
            unreadable(&long(&id, id.len()));
        }
        unreadable(&[0x41, 0x00, 1, 2, 3]);
        for nothing in [&b""[..], &[0x41], &[0xc0], &[0xc0, 0, 0, 0, 1], &[0xc0, 0, 0, 0, 1, 0]] {
            assert_eq!(tokens.read(&Datagram::new(&[nothing])), Found::Nothing, "{nothing:?}");
        }
    }

    #[test]
    fn of_servers_made_for_aws() {
        let tokens = quic((0..CODEPOINTS).map(|c| (c, QuicLb::aws_nlb())).collect());
        for first in [0x00, 0x4a, 0xdf] {
            let id = [&[first], &b"serverid"[..], b"nonce"].concat();
            assert_eq!(read(&tokens, &short(&id)), Some((b"serverid".to_vec(), false)));
        }
        assert_eq!(read(&tokens, &short(b"\xe0serveridnonce")), None, "0b111");
    }
}
