//! Connection ids that name a server, as draft-ietf-quic-load-balancers-21 has them.

use crate::Options;
use aes::cipher::{BlockEncrypt, KeyInit};
use aes::{Aes128, Block};
use anyhow::{ensure, Context, Result};
use quinn::{ConnectionId, ConnectionIdGenerator};
use std::sync::Arc;
use std::time::Duration;

const BLOCK: usize = 16;

/// A connection id of QUIC version 1 has 20 bytes, and one is the codepoint and the length.
const LONGEST: usize = 19;

#[derive(Clone)]
pub struct Ids {
    codepoint: u8,
    server_id: Vec<u8>,
    nonce: usize,
    /// `None` if ids are plain.
    key: Option<Arc<Aes128>>,
}

impl Ids {
    pub fn of(options: &mut Options) -> Result<Ids> {
        let server_id = bytes(&options.text("server-id")?)?;
        let codepoint = options.or("codepoint", 0)?;
        ensure!(codepoint <= 7, "--codepoint has three bits");
        let nonce = options.or("nonce-length", 4)?;
        ensure!(
            nonce >= 4 && server_id.len() + nonce <= LONGEST,
            "a nonce has 4 bytes or more, and the server id and it at most {LONGEST}"
        );
        let key = match options.or("cid-key", String::new())?.as_str() {
            "" => None,
            text => {
                ensure!(
                    server_id.len() + nonce == BLOCK,
                    "encrypted ids have server id and nonce of 16 bytes together here"
                );
                let key = Aes128::new_from_slice(&bytes(text)?);
                Some(Arc::new(key.ok().context("--cid-key has not 16 bytes")?))
            }
        };
        Ok(Ids { codepoint, server_id, nonce, key })
    }

    pub fn server_id(&self) -> String {
        self.server_id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl ConnectionIdGenerator for Ids {
    // A nonce must not come twice under a key; random ones do not for as long as a test runs.
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = vec![0; self.cid_len()];
        let length = id.len() - 1;
        id[0] = self.codepoint << 5 | length as u8;
        id[1..=self.server_id.len()].copy_from_slice(&self.server_id);
        rand::fill(&mut id[1 + self.server_id.len()..]);
        if let Some(key) = &self.key {
            key.encrypt_block(Block::from_mut_slice(&mut id[1..]));
        }
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        1 + self.server_id.len() + self.nonce
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    ensure!(
        !hex.is_empty() && hex.len().is_multiple_of(2) && hex.is_ascii(),
        "{hex} is no hexadecimal"
    );
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16))
        .collect::<Result<_, _>>()
        .with_context(|| format!("{hex} is no hexadecimal"))
}
