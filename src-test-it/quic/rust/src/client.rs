//! Many clients, each with a connection of its own on which it makes one download after the other.

use crate::{certificate, transport, Content, Options, PROTOCOL, SERVER_NAME};
use anyhow::{bail, ensure, Context, Result};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

#[derive(Default)]
struct Download {
    connected: Option<(Endpoint, Connection)>,
    server: String,
    failure: Option<String>,
    completed: u64,
    received: u64,
}

pub struct Setup {
    connect: String,
    certificate: String,
    bind: IpAddr,
    size: usize,
}

impl Setup {
    pub fn of(options: &mut Options) -> Result<Setup> {
        Ok(Setup {
            connect: options.text("connect")?,
            certificate: options.or("certificate", "cert.pem".to_owned())?,
            bind: options.or("bind", IpAddr::from([127, 0, 0, 1]))?,
            size: options.or("downloads", 20_000)?,
        })
    }
}

type Shared = Arc<Mutex<Download>>;

struct Clients {
    config: ClientConfig,
    bind: IpAddr,
    size: usize,
    downloads: Vec<Shared>,
}

pub async fn run(setup: Setup) -> Result<()> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate(&setup.certificate)?)?;
    let mut tls =
        rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut transport = transport()?;
    transport.keep_alive_interval(Some(Duration::from_secs(1)));
    config.transport_config(Arc::new(transport));
    let mut clients = Clients { config, bind: setup.bind, size: setup.size, downloads: Vec::new() };
    for address in setup.connect.split(',') {
        clients.connect(address);
    }
    let ended = clients.obey().await;
    clients.close().await;
    if ended? {
        println!("bye");
    }
    Ok(())
}

impl Clients {
    /// Answers each command with one line, until told to quit (true) or nobody is left to tell.
    async fn obey(&mut self) -> Result<bool> {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = lines.next_line().await? {
            match line.split_once(' ').unwrap_or((&line, "")) {
                ("status", _) => println!("status {}", self.status()),
                ("rebind", _) => println!("rebound {}", self.rebind()),
                ("connect", address) => println!("connecting {}", self.connect(address)),
                ("quit", _) => return Ok(true),
                (other, _) => bail!("no such command: {other}"),
            }
        }
        Ok(false)
    }

    fn connect(&mut self, address: &str) -> usize {
        let (config, bind, size) = (self.config.clone(), self.bind, self.size);
        let (index, address) = (self.downloads.len(), address.to_owned());
        let one = Shared::default();
        self.downloads.push(one.clone());
        tokio::spawn(async move {
            let Err(wrong) = download(index, &one, config, bind, &address, size).await else {
                return;
            };
            one.lock().unwrap().failure = Some(format!("{wrong:#}"));
        });
        index
    }

    /// Tells the servers, which would otherwise serve on until their connections are idle.
    async fn close(&self) {
        let connected = |one: &Shared| one.lock().unwrap().connected.clone();
        let all: Vec<_> = self.downloads.iter().filter_map(connected).collect();
        for (_, connection) in &all {
            connection.close(0u32.into(), b"");
        }
        let idle = async {
            for (endpoint, _) in &all {
                endpoint.wait_idle().await;
            }
        };
        // An endpoint waits for late packets of the server, too, which nobody here minds.
        let _ = tokio::time::timeout(Duration::from_millis(200), idle).await;
    }

    /// Moves every client to another port, as one does that knows of its new address.
    fn rebind(&self) -> usize {
        let moved = |one: &&Shared| -> bool {
            let one = one.lock().unwrap();
            let Some((endpoint, _)) = one.connected.as_ref().filter(|_| one.failure.is_none())
            else {
                return false;
            };
            UdpSocket::bind((self.bind, 0)).and_then(|socket| endpoint.rebind(socket)).is_ok()
        };
        self.downloads.iter().filter(moved).count()
    }

    fn status(&self) -> serde_json::Value {
        let all: Vec<_> = self.downloads.iter().map(|one| one.lock().unwrap()).collect();
        let errors: BTreeSet<_> = all.iter().filter_map(|one| one.failure.as_deref()).collect();
        json!({
            "connected": all.iter().filter(|one| one.connected.is_some() && one.failure.is_none()).count(),
            "lost": all.iter().filter(|one| one.failure.is_some()).count(),
            "completed": all.iter().map(|one| one.completed).sum::<u64>(),
            "bytes": all.iter().map(|one| one.received).sum::<u64>(),
            "servers": all.iter().map(|one| one.server.as_str()).collect::<Vec<_>>(),
            "errors": errors.into_iter().take(5).collect::<Vec<_>>(),
            "progress": all.iter().map(|one| one.completed).collect::<Vec<_>>(),
            "received": all.iter().map(|one| one.received).collect::<Vec<_>>(),
        })
    }
}

async fn download(
    index: usize,
    one: &Shared,
    config: ClientConfig,
    bind: IpAddr,
    address: &str,
    size: usize,
) -> Result<()> {
    let to = address.parse().with_context(|| format!("{address} is no address"))?;
    let endpoint = Endpoint::client((bind, 0).into())?;
    let connecting = endpoint.connect_with(config, to, SERVER_NAME)?;
    let connection = tokio::time::timeout(Duration::from_secs(10), connecting)
        .await
        .context("no connection within 10 s")??;
    one.lock().unwrap().connected = Some((endpoint, connection.clone()));
    // No two downloads are alike.
    for seed in ((index as u64) << 32) + 1.. {
        get(index, one, &connection, size, seed).await?;
        one.lock().unwrap().completed += 1;
    }
    Ok(())
}

async fn get(
    index: usize,
    one: &Shared,
    connection: &Connection,
    size: usize,
    seed: u64,
) -> Result<()> {
    let (mut out, answer) = connection.open_bi().await?;
    out.write_all(format!("GET {size} {seed}\n").as_bytes()).await?;
    out.finish()?;
    let mut answer = BufReader::new(answer);
    let mut line = String::new();
    answer.read_line(&mut line).await?;
    let server = line.trim().strip_prefix("SERVER ").context("no SERVER line")?;
    {
        let mut one = one.lock().unwrap();
        let before = std::mem::replace(&mut one.server, server.to_owned());
        if !before.is_empty() && before != server {
            eprintln!("changed {index}"); // standard output has nothing but answers
            bail!("changed from {before} to {server}");
        }
    }
    let mut content = Content::of(seed);
    let (mut got, mut want, mut left) = ([0; 4096], [0; 4096], size);
    loop {
        let n = answer.read(&mut got).await?;
        if n == 0 {
            break;
        }
        ensure!(n <= left, "too many bytes");
        content.fill(&mut want[..n]);
        ensure!(got[..n] == want[..n], "wrong bytes");
        left -= n;
        one.lock().unwrap().received += n as u64;
    }
    ensure!(left == 0, "{left} bytes too few");
    Ok(())
}
