//! Many clients, each with a connection of its own on which it makes one download after the other.

use crate::{certificate, transport, Content, Options, PROTOCOL, SERVER_NAME};
use anyhow::{bail, ensure, Context, Result};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

#[derive(Default)]
struct Download {
    endpoint: Option<Endpoint>,
    connected: bool,
    server: String,
    failure: Option<String>,
    completed: u64,
    received: u64,
}

type Shared = Arc<Mutex<Download>>;

struct Clients {
    config: ClientConfig,
    bind: String,
    size: usize,
    downloads: Vec<Shared>,
}

pub async fn run(options: Options) -> Result<()> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate(options.text("certificate")?)?)?;
    let mut tls =
        rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut transport = transport()?;
    transport.keep_alive_interval(Some(Duration::from_secs(1)));
    config.transport_config(Arc::new(transport));
    let mut clients = Clients {
        config,
        bind: options.or("bind", "127.0.0.1"),
        size: options.number("downloads", 20_000)?,
        downloads: Vec::new(),
    };
    for address in options.text("connect")?.split(',') {
        clients.connect(address)?;
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("status", _) => println!("status {}", clients.status()),
            ("rebind", _) => println!("rebound {}", clients.rebind()),
            ("connect", address) => println!("connecting {}", clients.connect(address)?),
            ("quit", _) => {
                println!("bye");
                return Ok(());
            }
            (other, _) => bail!("no such command: {other}"),
        }
    }
    Ok(())
}

impl Clients {
    fn connect(&mut self, address: &str) -> Result<usize> {
        let to: SocketAddr = address.parse().with_context(|| format!("{address}?"))?;
        let one = Shared::default();
        self.downloads.push(one.clone());
        let (config, bind, size) = (self.config.clone(), self.bind.clone(), self.size);
        tokio::spawn(async move {
            let Err(wrong) = download(&one, config, &bind, to, size).await else { return };
            one.lock().unwrap().failure = Some(format!("{wrong:#}"));
        });
        Ok(self.downloads.len() - 1)
    }

    /// Moves every client to another port, as one does that knows of its new address.
    fn rebind(&self) -> usize {
        let moved = |one: &&Shared| -> bool {
            let endpoint = one.lock().unwrap().endpoint.clone();
            let socket = std::net::UdpSocket::bind(format!("{}:0", self.bind));
            let (Some(endpoint), Ok(socket)) = (endpoint, socket) else { return false };
            endpoint.rebind(socket).is_ok()
        };
        self.downloads.iter().filter(moved).count()
    }

    fn status(&self) -> serde_json::Value {
        let all: Vec<_> = self.downloads.iter().map(|one| one.lock().unwrap()).collect();
        let errors: BTreeSet<_> = all.iter().filter_map(|one| one.failure.as_deref()).collect();
        json!({
            "connected": all.iter().filter(|one| one.connected && one.failure.is_none()).count(),
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
    one: &Shared,
    config: ClientConfig,
    bind: &str,
    to: SocketAddr,
    size: usize,
) -> Result<()> {
    let endpoint = Endpoint::client(format!("{bind}:0").parse()?)?;
    let connecting = endpoint.connect_with(config, to, SERVER_NAME)?;
    let connection = tokio::time::timeout(Duration::from_secs(10), connecting)
        .await
        .context("no connection within 10 s")??;
    {
        let mut one = one.lock().unwrap();
        one.endpoint = Some(endpoint);
        one.connected = true;
    }
    for seed in 1.. {
        get(one, &connection, size, seed).await?;
        one.lock().unwrap().completed += 1;
    }
    Ok(())
}

async fn get(one: &Shared, connection: &Connection, size: usize, seed: u64) -> Result<()> {
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
        ensure!(before.is_empty() || before == server, "changed from {before} to {server}");
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
