//! A QUIC server whose connection ids name it, or many clients that download from such servers and
//! check every byte. The program in ../go does the same with another QUIC stack; either is the
//! other's server or client, and its certificates are for both.

mod client;
mod ids;
mod server;

use anyhow::{bail, Context, Result};
use quinn::TransportConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::CertificateDer;
use std::collections::HashMap;
use std::time::Duration;

const SERVER_NAME: &str = "bolina.test";
const PROTOCOL: &[u8] = b"bolina";

/// The options of a command, each with its value.
struct Options(HashMap<String, String>);

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Options> {
        let mut options = HashMap::new();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else { bail!("{word} is no option") };
            let value = words.next().with_context(|| format!("{word} has no value"))?;
            options.insert(name.to_owned(), value);
        }
        Ok(Options(options))
    }

    fn text(&self, name: &str) -> Result<&str> {
        self.0.get(name).map(String::as_str).with_context(|| format!("--{name} is needed"))
    }

    fn or(&self, name: &str, standard: &str) -> String {
        self.0.get(name).map_or(standard, String::as_str).to_owned()
    }

    fn number(&self, name: &str, standard: usize) -> Result<usize> {
        let value = self.0.get(name).map(|text| text.parse());
        value.unwrap_or(Ok(standard)).with_context(|| format!("--{name} is no number"))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let ended = match (command.as_str(), Options::read(words)) {
        (_, Err(wrong)) => Err(wrong),
        ("server", Ok(options)) => server::run(options).await,
        ("client", Ok(options)) => client::run(options).await,
        _ => {
            eprintln!("error: server or client? (the Go program makes the certificate)");
            std::process::exit(2);
        }
    };
    if let Err(wrong) = ended {
        eprintln!("error: {wrong:#}");
        std::process::exit(1);
    }
}

fn certificate(file: &str) -> Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(file).with_context(|| format!("cannot read {file}"))
}

fn transport() -> Result<TransportConfig> {
    let mut config = TransportConfig::default();
    config.max_idle_timeout(Some(Duration::from_secs(15).try_into()?));
    Ok(config)
}

/// What a download consists of: a function of its seed, so that the client can check every byte.
struct Content {
    state: u64,
    word: [u8; 8],
    left: usize,
}

impl Content {
    fn of(seed: u64) -> Content {
        Content { state: seed | 1, word: [0; 8], left: 0 }
    }

    fn fill(&mut self, into: &mut [u8]) {
        for byte in into {
            if self.left == 0 {
                self.state ^= self.state >> 12;
                self.state ^= self.state << 25;
                self.state ^= self.state >> 27;
                self.word = self.state.wrapping_mul(2_685_821_657_736_338_717).to_le_bytes();
                self.left = self.word.len();
            }
            *byte = self.word[self.word.len() - self.left];
            self.left -= 1;
        }
    }
}
