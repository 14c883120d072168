//! Starts and stops the parts of the server in the right order.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::archive::Archive;
use crate::auth::setup::{SETUP_US, Setup};
use crate::clock::Clock;
use crate::config::{Config, Role};
use crate::ingest::archiver::Archiver;
use crate::ingest::events::Events;
use crate::ingest::follow::follow;
use crate::ingest::health::Health;
use crate::ingest::intake::Intake;
use crate::ingest::lookout::LookoutDesk;
use crate::ingest::sealer::Sealer;
use crate::ingest::writer::Writer;
use crate::node::bridge::{BadBrokerUrl, Bridge};
use crate::node::endpoint::Endpoint;
use crate::node::gate::Gate;
use crate::node::guard::Guard;
use crate::node::leader::Leadership;
use crate::node::notify::Notifier;
use crate::node::redrive;
use crate::node::scheduler::Scheduler;
use crate::node::sender::Sender;
use crate::node::server_id::ServerId;
use crate::store::seed::VIRTUAL_STATION;
use crate::store::{Store, StoreError};
use crate::tls::{self, ServerTls, TlsError};
use crate::web;

/// How long a part may take to stop; all of them together stay below the 10 s a service manager waits.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the start waits for a broker to answer.
const BROKER_TIMEOUT: Duration = Duration::from_secs(3);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made.
    #[error("cannot make the data folder {folder}: {cause}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({what}): {cause}; is another server running? Port 0 picks a free one")]
    Listen {
        /// For what.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The broker's address.
    #[error(transparent)]
    Broker(#[from] BadBrokerUrl),
    /// Certificates and keys.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive of the settings.
    #[error("the archive of the settings cannot be used: {0}")]
    Archive(std::io::Error),
    /// Where alarms are to be told.
    #[error("{0}")]
    Notify(String),
    /// The system's source of randomness.
    #[error("{0}")]
    Random(String),
}

impl StartError {
    /// Whether what somebody gave cannot be used, in contrast to a failure of this computer.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self, Self::Tls(error) if error.is_input())
    }
}

/// Opens the database of the settings, and the archive beside it; makes the data folder when SQLite lives there.
///
/// # Errors
/// [`StartError`] says what cannot be opened and why.
pub async fn open_store(config: &Config) -> Result<Store, StartError> {
    if config.database.url.is_empty() {
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|cause| StartError::Folder { folder: config.data_dir.display().to_string(), cause })?;
    }
    let archive = Archive::of(&config.archive, Clock::System).map_err(StartError::Archive)?;
    Ok(Store::open(&config.database_url()).await?.with_archive(archive))
}

/// A running server.
pub struct App {
    store: Store,
    stop: watch::Sender<bool>,
    web: Option<WebPart>,
    node: Option<NodePart>,
    tls: Option<ServerTls>,
}

struct WebPart {
    address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

struct NodePart {
    /// Where devices connect; `None` behind a broker.
    address: Option<SocketAddr>,
    /// Takes messages from devices.
    transport: JoinHandle<()>,
    /// Stores them.
    writer: JoinHandle<()>,
    /// Leads, or waits for its turn.
    leadership: JoinHandle<()>,
    /// Watches over the runs.
    watch: JoinHandle<()>,
}

impl App {
    /// Starts what the settings ask for.
    ///
    /// # Errors
    /// [`StartError`] says what does not start and why.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let store = open_store(config).await?;
        store.migrate().await?;
        if store.seed(Clock::System.now_us()).await? {
            tracing::info!("a new laboratory: it begins with the station {VIRTUAL_STATION}");
        }
        let (events, health, lookout) = (Events::default(), Health::default(), LookoutDesk::default());
        let (stop, stopped) = watch::channel(false);
        let tls = start_tls(config)?;
        let stopped_web = stopped.clone();
        // The pages' address is taken first: a port in use is told before any device is let in.
        let listener = match config.role {
            Role::Node => None,
            Role::All | Role::Web => Some(listen("pages", config.http.address)?),
        };
        let node = match config.role {
            Role::Web => {
                tokio::spawn(follow(store.clone(), events.clone(), Clock::System, stopped));
                None
            }
            Role::All | Role::Node => {
                Some(NodePart::start(config, tls.as_ref(), &store, &events, &health, &lookout, stopped).await?)
            }
        };
        let setup = Setup::default();
        let web = listener.map(|listener| {
            let (tls, setup) = (tls.as_ref(), setup.clone());
            WebPart::start(listener, config, tls, &store, &events, (&health, &lookout), setup, stopped_web)
        });
        let web = web.transpose()?;
        let app = Self { store, stop, web, node, tls };
        app.offer_setup(&setup).await?;
        Ok(app)
    }

    /// Where the pages are, if this process serves them.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.web.as_ref().map(|web| web.address)
    }

    /// Prints the set-up link while nobody is there who could add people.
    async fn offer_setup(&self, setup: &Setup) -> Result<(), StartError> {
        let Some(http) = self.http() else { return Ok(()) };
        if self.store.has_admin().await? {
            return Ok(());
        }
        let token = setup.open(Clock::System.now_us()).map_err(|error| StartError::Random(error.to_string()))?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        // On standard error by itself, whatever the log shows and wherever it goes: it is the only way in.
        let minutes = SETUP_US / 60_000_000;
        notice(&format!(
            "This server has no administrator yet. To become the first one, open within {minutes} minutes:\n\n    \
             {scheme}://{http}/setup/{}\n",
            token.reveal()
        ));
        Ok(())
    }

    /// Where devices connect, if this process takes them itself.
    #[must_use]
    pub fn mqtt(&self) -> Option<SocketAddr> {
        self.node.as_ref().and_then(|node| node.address)
    }

    /// How pages and endpoint are encrypted, if they are.
    #[must_use]
    pub fn tls(&self) -> Option<&ServerTls> {
        self.tls.as_ref()
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops everything: what was received is committed and acknowledged first.
    pub async fn stop(self) {
        if let Some(web) = self.web {
            web.handle.stop(true).await;
            within("the pages", web.task).await;
        }
        self.stop.send_replace(true);
        if let Some(node) = self.node {
            within("the devices' connections", node.transport).await;
            within("the writer", node.writer).await;
            within("the watch", node.watch).await;
            within("the lease", node.leadership).await;
        }
        self.store.close().await;
    }
}

impl WebPart {
    fn start(
        listener: TcpListener,
        config: &Config,
        tls: Option<&ServerTls>,
        store: &Store,
        events: &Events,
        (health, lookout): (&Health, &LookoutDesk),
        setup: Setup,
        stopped: watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let problem = |cause| StartError::Listen { what: "pages", address: config.http.address, cause };
        let address = listener.local_addr().map_err(problem)?;
        let state = web::State {
            setup,
            ingest: health.clone(),
            lookout: lookout.clone(),
            is_secure: tls.is_some(),
            is_demo: config.is_demo,
            host_names: config.http.names.iter().chain(&config.tls.names).cloned().collect(),
            uploads: config.data_dir.join("uploads").into(),
            ..web::State::new(store.clone(), events.clone(), Clock::System)
        };
        tokio::spawn(web::bell::run(state.clone(), stopped.clone()));
        tokio::spawn(web::upkeep::run(state.clone(), stopped));
        let server = web::serve(listener, state, tls.map(|tls| Arc::clone(&tls.config))).map_err(problem)?;
        let handle = server.handle();
        Ok(Self { address, handle, task: tokio::spawn(server) })
    }
}

impl NodePart {
    async fn start(
        config: &Config,
        tls: Option<&ServerTls>,
        store: &Store,
        events: &Events,
        health: &Health,
        lookout: &LookoutDesk,
        stopped: watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let id = ServerId::of_folder(&config.data_dir);
        let mut leadership = Leadership::new(store.clone(), id, Clock::System);
        // A lease that is free is taken before the first device is told an epoch.
        leadership.step().await?;
        let (term, epoch, led_last) = (leadership.term(), leadership.epoch(), leadership.led_last());
        tokio::spawn(Scheduler::new(store.clone(), Clock::System, term.clone()).run(stopped.clone()));
        let leads = term.clone();
        let sealer = Sealer::new(store.clone(), Clock::System);
        tokio::spawn(sealer.run(move || leads.borrow().is_some(), stopped.clone()));
        tokio::spawn(store.clone().fold_log(stopped.clone()));
        if store.archive().is_some() {
            let leads = term.clone();
            let archiver = Archiver::new(store.clone(), Clock::System, config.archive.after_days);
            tokio::spawn(archiver.run(move || leads.borrow().is_some(), stopped.clone()));
        }
        let leadership = tokio::spawn(leadership.run(stopped.clone()));
        let guard = Guard::new(Clock::System, epoch.clone());
        // The runs under way are known before the first message of a device.
        guard.refresh(store, true).await?;
        lookout.open(Arc::new(guard.clone()));
        let watch = guard.clone().run(store.clone(), health.clone(), term.clone(), stopped.clone());
        let watch = tokio::spawn(watch);
        let notifier = Notifier::new(store.clone(), Clock::System, &config.notify).map_err(StartError::Notify)?;
        if let Some(notifier) = notifier {
            tokio::spawn(notifier.run(term.clone(), stopped.clone()));
        }
        let (intake, jobs) = Intake::new();
        let writer = Writer::new(store.clone(), jobs, events.clone(), Clock::System, stopped.clone());
        let writer = tokio::spawn(writer.reporting(health.clone()).in_epoch(epoch.shared()).run());
        tokio::spawn(redrive::run(store.clone(), intake.clone(), Clock::System, stopped.clone()));
        if !config.broker.url.is_empty() {
            let bridge = Bridge::new(&config.broker.url, intake, Clock::System, epoch)?;
            let bridge = bridge.guarded_by(guard.clone()).led_by(led_last.clone());
            let leads = *led_last.borrow();
            guard.connect(bridge.post());
            let mut subscribed = bridge.subscribed();
            tokio::spawn(Sender::new(store.clone(), bridge.post(), Clock::System, term).run(stopped.clone()));
            let transport = tokio::spawn(bridge.run(stopped));
            // Ready means that a message published now is not lost; a broker that is away does not hold up the start.
            // Nor does another server that leads: the broker is connected to that one.
            if leads {
                let _ = tokio::time::timeout(BROKER_TIMEOUT, subscribed.wait_for(|subscribed| *subscribed)).await;
            }
            return Ok(Self { address: None, transport, writer, leadership, watch });
        }
        let asked = config.mqtt.address;
        let problem = |cause| StartError::Listen { what: "devices, MQTT", address: asked, cause };
        let endpoint = Endpoint::bind(asked, intake, Gate::new(store.clone(), Clock::System), Clock::System, epoch);
        let endpoint =
            endpoint.await.map_err(problem)?.guarded_by(guard.clone()).with_tls(tls.map(|tls| Arc::clone(&tls.config)));
        guard.connect(endpoint.registry());
        let address = Some(endpoint.local_addr().map_err(problem)?);
        tokio::spawn(Sender::new(store.clone(), endpoint.registry(), Clock::System, term).run(stopped.clone()));
        let transport = tokio::spawn(endpoint.run(stopped));
        Ok(Self { address, transport, writer, leadership, watch })
    }
}

/// A line for whoever sits at the console.
fn notice(text: &str) {
    use std::io::Write;
    // Nothing can be done if even this cannot be printed.
    let _ = writeln!(std::io::stderr(), "\n{text}");
}

/// Certificate and key, where something is listened on; says whom to trust.
fn start_tls(config: &Config) -> Result<Option<ServerTls>, StartError> {
    if config.role == Role::Node && !config.takes_devices() {
        return Ok(None);
    }
    let tls = tls::load(config, &Clock::System)?;
    if let Some(authority) = tls.as_ref().and_then(|tls| tls.authority.as_ref()) {
        let (file, fingerprint) = (authority.certificate.display(), &authority.fingerprint);
        if authority.is_new {
            tracing::info!(
                "made this laboratory's own certificate authority. To trust this server, import {file} into browsers \
                 (settings, certificates, authorities) and give it to the devices; compare the SHA-256 fingerprint on \
                 each: {fingerprint}"
            );
        } else {
            tracing::info!(%fingerprint, "the certificate is of the laboratory's own authority, {file}");
        }
    }
    Ok(tls)
}

fn listen(what: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|cause| StartError::Listen { what, address, cause })
}

/// Waits for a part to end, but not for ever.
async fn within<T>(what: &str, task: JoinHandle<T>) {
    match tokio::time::timeout(STOP_TIMEOUT, task).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(%error, "{what} broke down"),
        Err(_) => tracing::warn!("{what} did not stop within {} s", STOP_TIMEOUT.as_secs()),
    }
}
