//! A QUIC server whose connection ids name it, or many clients that download from such servers and
//! check every byte. The program in ../go does the same with another QUIC stack; either is the
//! other's server or client, and its certificates are for both.

mod client;
mod ids;
mod server;

use anyhow::{bail, ensure, Context, Result};
use quinn::TransportConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::CertificateDer;
use std::collections::HashMap;
use std::str::FromStr;
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

    fn text(&mut self, name: &str) -> Result<String> {
        self.0.remove(name).with_context(|| format!("--{name} is needed"))
    }

    fn or<T: FromStr>(&mut self, name: &str, standard: T) -> Result<T> {
        let Some(text) = self.0.remove(name) else { return Ok(standard) };
        text.parse().ok().with_context(|| format!("--{name} cannot be {text}"))
    }

    /// Whatever the command did not take is an option that it does not have.
    fn end(self) -> Result<()> {
        ensure!(self.0.is_empty(), "no such options: {:?}", self.0.into_keys());
        Ok(())
    }
}

enum Command {
    Server(server::Setup),
    Client(client::Setup),
}

impl Command {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Command> {
        let name = words.next().unwrap_or_default();
        let mut options = Options::read(words)?;
        let command = match name.as_str() {
            "server" => Command::Server(server::Setup::of(&mut options)?),
            "client" => Command::Client(client::Setup::of(&mut options)?),
            _ => bail!("server or client? (the Go program makes the certificate)"),
        };
        options.end()?;
        Ok(command)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (ended, status) = match Command::read(std::env::args().skip(1)) {
        Err(wrong) => (Err(wrong), 2),
        Ok(Command::Server(setup)) => (server::run(setup).await, 1),
        Ok(Command::Client(setup)) => (client::run(setup).await, 1),
    };
    if let Err(wrong) = ended {
        eprintln!("error: {wrong:#}");
        std::process::exit(status);
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
    /// The seed is not 0, of which nothing but zeros would come.
    fn of(seed: u64) -> Content {
        Content { state: seed, word: [0; 8], left: 0 }
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
