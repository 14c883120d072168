//! TLS for simulated devices, whose MQTT client speaks none: a port on 127.0.0.1 that continues to the server over TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::BadInput;
use crate::sim::Broker;

/// Where a tunnel ends.
#[derive(Clone)]
struct Server {
    host: String,
    port: u16,
    name: ServerName<'static>,
    connector: TlsConnector,
}

/// Opens a tunnel to the server, which must show a certificate of this authority; devices connect to what is returned.
/// It stays open until the process ends.
pub(super) async fn open(server: &Broker, authority: &Path) -> anyhow::Result<Broker> {
    let name = server.host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(|_| BadInput(format!("{} is no host name", server.host)))?;
    let connector = connector(authority)?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.context("cannot open a tunnel")?;
    let near = listener.local_addr()?;
    let far = Server { host: server.host.clone(), port: server.port, name, connector };
    // As many connections as there are simulated devices; there is nobody else.
    tokio::spawn(async move {
        while let Ok((device, _)) = listener.accept().await {
            let far = far.clone();
            tokio::spawn(async move {
                if let Err(error) = carry(device, &far).await {
                    tracing::debug!(%error, host = far.host, "a connection through TLS ended");
                }
            });
        }
    });
    Ok(Broker { host: near.ip().to_string(), port: near.port(), ack: server.ack })
}

/// Trusts this authority and nothing else.
fn connector(authority: &Path) -> anyhow::Result<TlsConnector> {
    let file = authority.display();
    let unusable = || BadInput(format!("{file} holds no certificate of an authority (PEM)"));
    let text =
        std::fs::read(authority).map_err(|error| BadInput(format!("cannot read the authority {file}: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        roots.add(certificate.map_err(|_| unusable())?).map_err(|_| unusable())?;
    }
    if roots.is_empty() {
        return Err(unusable().into());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

async fn carry(mut device: TcpStream, far: &Server) -> std::io::Result<()> {
    let server = TcpStream::connect((far.host.trim_matches(['[', ']']), far.port)).await?;
    // Small messages must not wait for each other in either half.
    device.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut server = far.connector.connect(far.name.clone(), server).await?;
    copy_bidirectional(&mut device, &mut server).await.map(|_| ())
}
