//! Serves downloads.

use crate::ids::Ids;
use crate::{certificate, transport, Content, Options, PROTOCOL};
use anyhow::{ensure, Context, Result};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    Connection, ConnectionError, Endpoint, EndpointConfig, Incoming, RecvStream, SendStream,
    ServerConfig,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::PrivateKeyDer;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

pub struct Setup {
    listen: SocketAddr,
    certificate: String,
    key: String,
    ids: Ids,
    rate: usize,
}

impl Setup {
    pub fn of(options: &mut Options) -> Result<Setup> {
        Ok(Setup {
            listen: options.or("listen", SocketAddr::from(([127, 0, 0, 1], 0)))?,
            certificate: options.or("certificate", "cert.pem".to_owned())?,
            key: options.or("key", "key.pem".to_owned())?,
            ids: Ids::of(options)?,
            rate: options.or("rate", 100_000)?,
        })
    }
}

pub async fn run(setup: Setup) -> Result<()> {
    let Setup { listen, ids, rate, .. } = setup;
    let name = ids.server_id();
    let key = PrivateKeyDer::from_pem_file(&setup.key)
        .with_context(|| format!("cannot read {}", setup.key))?;
    let mut tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate(&setup.certificate)?], key)?;
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport()?));
    let mut ends = EndpointConfig::default();
    ends.cid_generator(move || Box::new(ids.clone()));
    let socket = UdpSocket::bind(listen)?;
    let endpoint = Endpoint::new(ends, Some(config), socket, Arc::new(quinn::TokioRuntime))?;
    println!("listening {}", endpoint.local_addr()?);
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(serve(incoming, name.clone(), rate));
    }
    Ok(())
}

async fn serve(incoming: Incoming, name: String, rate: usize) {
    let Ok(connection) = incoming.await else { return };
    while let Ok((out, question)) = connection.accept_bi().await {
        let (connection, name) = (connection.clone(), name.clone());
        tokio::spawn(async move {
            if let Err(wrong) = answer(out, question, &name, rate).await {
                report(&connection, &wrong);
            }
        });
    }
}

fn report(connection: &Connection, wrong: &anyhow::Error) {
    if let Some(ConnectionError::ApplicationClosed(_)) = connection.close_reason() {
        return; // the client's own wish, in the middle of a download as always
    }
    eprintln!("{}: {wrong:#}", connection.remote_address());
}

/// Sends a download piece by piece, so that whatever happens to the connection happens in the
/// middle of one.
async fn answer(
    mut out: SendStream,
    mut question: RecvStream,
    name: &str,
    rate: usize,
) -> Result<()> {
    const PAUSE: Duration = Duration::from_millis(40);
    let line = String::from_utf8(question.read_to_end(200).await?)?;
    let mut words = line.trim().strip_prefix("GET ").context("no GET")?.split(' ');
    let mut size: usize = words.next().context("no size")?.parse()?;
    let seed = words.next().context("no seed")?.parse()?;
    ensure!(seed != 0, "a seed of 0");
    let mut content = Content::of(seed);
    out.write_all(format!("SERVER {name}\n").as_bytes()).await?;
    let mut piece = vec![0; (rate * PAUSE.as_millis() as usize / 1000).max(1)];
    while size > 0 {
        piece.truncate(size);
        content.fill(&mut piece);
        out.write_all(&piece).await?;
        size -= piece.len();
        tokio::time::sleep(PAUSE).await;
    }
    out.finish()?;
    Ok(())
}
