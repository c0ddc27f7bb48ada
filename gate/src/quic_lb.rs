//! Routable QUIC connection ids, as draft-ietf-quic-load-balancers-21 has them: which server an id
//! names. Pure, and without allocation.

use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use aes::{Aes128, Block};

/// The longest server id: with the shortest nonce, what fits into an id of 20 octets.
pub const LONGEST_SERVER_ID: usize = 15;

/// What QUIC version 1 allows.
const LONGEST_CONNECTION_ID: usize = 20;

const SHORTEST_NONCE: usize = 4;

/// Octets of an AES block.
const BLOCK: usize = 16;

/// One configuration: what stands in the ids that carry its codepoint.
pub struct QuicLb {
    server_id: usize,
    nonce: usize,
    key: Option<Aes128>,
}

impl QuicLb {
    /// A configuration of some lengths; with a key, ids are encrypted.
    pub fn new(server_id: usize, nonce: usize, key: Option<[u8; 16]>) -> Result<QuicLb, String> {
        if !(1..=LONGEST_SERVER_ID).contains(&server_id) {
            return Err(format!("server-id-length is not 1 to {LONGEST_SERVER_ID}"));
        }
        if nonce < SHORTEST_NONCE || server_id + nonce >= LONGEST_CONNECTION_ID {
            return Err(format!(
                "nonce-length is not {SHORTEST_NONCE} to {}, so that the id has at most \
                 {LONGEST_CONNECTION_ID} octets",
                LONGEST_CONNECTION_ID - 1 - server_id
            ));
        }
        Ok(QuicLb { server_id, nonce, key: key.map(|key| Aes128::new(&key.into())) })
    }

    /// As servers made for the Network Load Balancer of AWS have them: eight octets, plain, and
    /// whatever follows.
    pub fn aws_nlb() -> QuicLb {
        QuicLb { server_id: 8, nonce: 0, key: None }
    }

    /// Octets of a server id.
    pub fn server_id_length(&self) -> usize {
        self.server_id
    }

    /// Octets of a connection id at least, its first one included.
    pub fn connection_id_length(&self) -> usize {
        1 + self.server_id + self.nonce
    }

    /// Whether only who has the key can make an id that names a server.
    pub fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// The server id in a connection id without its first octet, which has server id and nonce at
    /// least; filled up with zeros.
    pub fn decode(&self, id: &[u8]) -> Option<[u8; BLOCK]> {
        let length = self.server_id + self.nonce;
        let id = id.get(..length)?;
        let mut found = [0; BLOCK];
        let server_id = &mut found[..self.server_id];
        match &self.key {
            None => server_id.copy_from_slice(&id[..self.server_id]),
            Some(key) if length == BLOCK => {
                let mut block = Block::clone_from_slice(id);
                key.decrypt_block(&mut block);
                server_id.copy_from_slice(&block[..self.server_id]);
            }
            Some(key) => {
                let mut halves = Halves::split(id);
                halves.pass(key, 4);
                halves.pass(key, 3);
                halves.pass(key, 2);
                if self.server_id > self.nonce {
                    halves.pass(key, 1);
                }
                server_id.copy_from_slice(&halves.joined()[..self.server_id]);
            }
        }
        Some(found)
    }

    /// A connection id without its first octet, as servers make them.
    #[cfg(test)]
    pub(crate) fn encode(&self, server_id: &[u8], nonce: &[u8]) -> Vec<u8> {
        let plain = [server_id, nonce].concat();
        match &self.key {
            None => plain,
            Some(key) if plain.len() == BLOCK => {
                let mut block = Block::clone_from_slice(&plain);
                key.encrypt_block(&mut block);
                block.to_vec()
            }
            Some(key) => {
                let mut halves = Halves::split(&plain);
                (1..=4).for_each(|pass| halves.pass(key, pass));
                halves.joined()[..plain.len()].to_vec()
            }
        }
    }
}

/// The two halves of a text in the Feistel network; of an odd number of octets, the one in the
/// middle is in both, half of it each.
struct Halves {
    left: [u8; BLOCK],
    right: [u8; BLOCK],
    length: usize,
}

impl Halves {
    fn split(text: &[u8]) -> Halves {
        let half = text.len().div_ceil(2);
        let mut halves = Halves { left: [0; BLOCK], right: [0; BLOCK], length: text.len() };
        halves.left[..half].copy_from_slice(&text[..half]);
        halves.right[..half].copy_from_slice(&text[text.len() - half..]);
        halves.clear();
        halves
    }

    /// One pass changes one half by the other; the same pass once more takes it back.
    fn pass(&mut self, key: &Aes128, pass: u8) {
        let half = self.length.div_ceil(2);
        let (from, to) = if pass % 2 == 1 {
            (&self.left, &mut self.right)
        } else {
            (&self.right, &mut self.left)
        };
        let mut block = Block::default();
        block[..half].copy_from_slice(&from[..half]);
        block[BLOCK - 2] = self.length as u8;
        block[BLOCK - 1] = pass;
        key.encrypt_block(&mut block);
        to[..half].iter_mut().zip(block).for_each(|(octet, other)| *octet ^= other);
        self.clear();
    }

    /// The half octets that belong to the other half.
    fn clear(&mut self) {
        if self.length % 2 == 1 {
            self.left[self.length / 2] &= 0xf0;
            self.right[0] &= 0x0f;
        }
    }

    fn joined(&self) -> [u8; LONGEST_CONNECTION_ID] {
        let half = self.length.div_ceil(2);
        let mut text = [0; LONGEST_CONNECTION_ID];
        text[..half].copy_from_slice(&self.left[..half]);
        let right = &mut text[self.length - half..self.length];
        right.iter_mut().zip(self.right).for_each(|(octet, other)| *octet |= other);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    const KEY: &str = "8f95f09245765f80256934e50c66207f";

    /// Codepoint, key, server id, nonce, connection id: the draft's test vectors, its example, and
    /// the plain one of codepoint 1 as it must be meant. (The draft prints `20a350d28b4203487d970b`
    /// for it: the length `0a` stands after a whole octet `20`, and a zero is missing.)
    const VECTORS: [(u8, &str, &str, &str, &str); 7] = [
        (0, "", "c4605e", "4504cc4f", "07c4605e4504cc4f"),
        (1, "", "350d28b420", "03487d970b", "2a350d28b42003487d970b"),
        (0, KEY, "ed793a", "ee080dbf", "0720b1d07b359d3c"),
        (1, KEY, "ed793a51d49b8f5fab65", "ee080dbf48", "2fcc381bc74cb4fbad2823a3d1f8fed2"),
        (2, KEY, "ed793a51d49b8f5f", "ee080dbf48c0d1e5", "504dd2d05a7b0de9b2b9907afb5ecf8cc3"),
        (
            3,
            KEY,
            "ed793a51d49b8f5fab",
            "ee080dbf48c0d1e55d",
            "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc",
        ),
        (0, "fdf726a9893ec05c0632d3956680baf0", "31441a", "9c69c275", "0767947d29be054a"),
    ];

    #[test]
    fn the_test_vectors_of_the_draft() {
        for (_, key, server_id, nonce, id) in VECTORS {
            let key = (!key.is_empty()).then(|| hex(key).try_into().unwrap());
            let (server_id, nonce, id) = (hex(server_id), hex(nonce), hex(id));
            let config = QuicLb::new(server_id.len(), nonce.len(), key).unwrap();
            assert_eq!(config.connection_id_length(), id.len());
            assert_eq!(config.encode(&server_id, &nonce), id[1..]);
            let found = config.decode(&id[1..]).unwrap();
            assert_eq!(found[..server_id.len()], server_id, "{id:02x?}");
            assert!(found[server_id.len()..].iter().all(|octet| *octet == 0));
        }
    }

    #[test]
    fn every_length_decodes_what_it_encodes() {
        let mut octet = 7u8;
        let mut random = |length: usize| -> Vec<u8> {
            let next = || {
                octet = octet.wrapping_mul(197).wrapping_add(91);
                octet
            };
            std::iter::repeat_with(next).take(length).collect()
        };
        let mut lengths = 0;
        for server_id in 0..=20 {
            for nonce in 0..=20 {
                for keyed in [false, true] {
                    let key = keyed.then(|| random(16).try_into().unwrap());
                    let Ok(config) = QuicLb::new(server_id, nonce, key) else {
                        let fits = (1..=15).contains(&server_id) && server_id + nonce <= 19;
                        assert!(!fits || nonce < 4, "{server_id} {nonce}");
                        continue;
                    };
                    lengths += 1;
                    for _ in 0..20 {
                        let (id, number) = (random(server_id), random(nonce));
                        let mut encoded = config.encode(&id, &number);
                        assert_eq!(encoded.len(), server_id + nonce);
                        assert_eq!(config.decode(&encoded).unwrap()[..server_id], id);
                        assert_eq!(config.decode(&encoded[1..]), None, "too short");
                        encoded.extend(random(3));
                        assert_eq!(config.decode(&encoded).unwrap()[..server_id], id, "longer");
                    }
                }
            }
        }
        assert_eq!(lengths, 2 * (1..=15).map(|length| 16 - length).sum::<usize>());
    }
}
