//! What the pages ask of the rest of the server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::bell::Bell;
use super::denials::Denials;
use super::download::Downloads;
use super::moment::Moment;
use super::summaries::Summaries;
use crate::archive::ArchiveError;
use crate::auth::enrolment::{ENROLMENT_US, Enrolments};
use crate::auth::password::Hasher;
use crate::auth::setup::Setup;
use crate::auth::sign_in::{CODE_US, HalfSignIns, SignIn};
use crate::auth::throttle::Throttle;
use crate::clock::Clock;
use crate::domain::ids::{ExperimentId, StreamId};
use crate::domain::safety::pulse::DEAF;
use crate::domain::sample::Subject;
use crate::ingest::events::Events;
use crate::ingest::health::Health;
use crate::ingest::lookout::{Lookout, LookoutDesk};
use crate::series::window::{Piece, Series, reduce};
use crate::store::experiment_index::ExperimentIndex;
use crate::store::{Store, StoreError};

/// How long the database may take to answer before the server calls itself not ready.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// Everything a handler may use. Cheap to clone.
#[derive(Debug, Clone)]
pub struct State {
    /// The database.
    pub store: Store,
    /// The list of experiments, in memory.
    pub experiments: ExperimentIndex,
    /// What was just committed.
    pub events: Events,
    /// Whether what devices send can be stored; says nothing where another process takes it.
    pub ingest: Health,
    /// How many alarms wait for an answer.
    pub bell: Bell,
    /// The watch over the runs, where this process has it.
    pub lookout: LookoutDesk,
    /// The time of day.
    pub clock: Clock,
    /// Checks and makes password hashes, few at a time.
    pub hasher: Hasher,
    /// Slows down guessing.
    pub throttle: Arc<Throttle>,
    /// Sign-ins that wait for their code.
    pub half_sign_ins: Arc<HalfSignIns>,
    /// Second factors that wait for their first code.
    pub enrolments: Arc<Enrolments>,
    /// The one-time link of a server without an administrator.
    pub setup: Setup,
    /// Keeps repeated denials from filling the audit log.
    pub denials: Arc<Denials>,
    /// Who fetches how many files now.
    pub downloads: Downloads,
    /// What experiments did to their batteries, as last worked out.
    pub summaries: Summaries,
    /// Folder of files that wait to be imported.
    pub uploads: Arc<Path>,
    /// Whether the pages are served over TLS.
    pub is_secure: bool,
    /// Whether this is the demo, where whoever sits at the machine is an operator.
    pub is_demo: bool,
    /// Host names this server answers to, besides addresses and `localhost`.
    pub host_names: Arc<[String]>,
}

impl State {
    /// A state of its own for one server.
    #[must_use]
    pub fn new(store: Store, events: Events, clock: Clock) -> Self {
        Self {
            store,
            experiments: ExperimentIndex::default(),
            events,
            ingest: Health::default(),
            bell: Bell::default(),
            lookout: LookoutDesk::default(),
            clock,
            hasher: Hasher::default(),
            throttle: Arc::new(Throttle::new()),
            half_sign_ins: Arc::new(HalfSignIns::new(CODE_US)),
            enrolments: Arc::new(Enrolments::new(ENROLMENT_US)),
            setup: Setup::default(),
            denials: Arc::default(),
            downloads: Downloads::default(),
            summaries: Summaries::default(),
            uploads: std::env::temp_dir().join("cellar-uploads").into(),
            is_secure: false,
            is_demo: false,
            host_names: Arc::new([]),
        }
    }

    /// The checks of a sign-in.
    #[must_use]
    pub fn sign_in(&self) -> SignIn<'_> {
        SignIn { store: &self.store, hasher: &self.hasher, throttle: &self.throttle, half: &self.half_sign_ins }
    }

    /// The stream of an experiment: the one that began first, when several devices measured it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stream_of(&self, experiment: ExperimentId) -> Result<Option<StreamId>, StoreError> {
        Ok(self.store.subject_streams(Subject::Experiment(experiment)).await?.into_iter().next())
    }

    /// Times of the first and the last row of a stream, µs UTC; `None` for an unknown or empty one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bounds(&self, stream: StreamId) -> Result<Option<(i64, i64)>, StoreError> {
        Ok(self.store.latest(stream).await?.map(|latest| (latest.first_at_us, latest.at_us.max(latest.first_at_us))))
    }

    /// Every row of a window of a stream, in pieces that may interleave and may reach over its edges.
    ///
    /// # Errors
    /// When the database fails or holds a damaged block.
    pub async fn rows(
        &self,
        stream: StreamId,
        columns: &[String],
        from_us: i64,
        to_us: i64,
    ) -> Result<Vec<Piece>, StoreError> {
        self.store.window(stream, columns, from_us, to_us).await
    }

    /// A window of a stream reduced to `width` pixels.
    ///
    /// # Errors
    /// When the database fails or holds a damaged block.
    pub async fn series(
        &self,
        stream: StreamId,
        columns: &[&str],
        from_us: i64,
        to_us: i64,
        width: usize,
    ) -> Result<Series, StoreError> {
        self.series_or_outline(stream, columns, from_us, to_us, width).await.map(|(series, _)| series)
    }

    /// The same; with it why there are only lowest and highest values of it, when the archive does not give its rows.
    ///
    /// # Errors
    /// As [`State::series`].
    pub async fn series_or_outline(
        &self,
        stream: StreamId,
        columns: &[&str],
        from_us: i64,
        to_us: i64,
        width: usize,
    ) -> Result<(Series, Option<ArchiveError>), StoreError> {
        let names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let (pieces, missing) = self.store.drawn_or_outlined(stream, &names, from_us, to_us).await?;
        let count = names.len();
        // A long window has millions of rows: the threads that answer requests have other work meanwhile.
        let reduced = tokio::task::spawn_blocking(move || reduce(&pieces, count, from_us, to_us, width)).await;
        Ok((reduced.unwrap_or_default(), missing))
    }

    /// Why the server cannot do its work now; empty when it can.
    pub async fn not_ready(&self) -> Vec<String> {
        let mut reasons = match tokio::time::timeout(READY_TIMEOUT, self.store.ping()).await {
            Ok(Ok(_)) => Vec::new(),
            Ok(Err(error)) => vec![format!("database: {error}")],
            Err(_) => vec![format!("database: no answer within {} s", READY_TIMEOUT.as_secs())],
        };
        if let Some(trouble) = self.ingest.trouble() {
            let since = Moment::with_seconds(trouble.since_us, self.clock.now_us()).text;
            reasons.push(format!("ingest: nothing is stored since {since}: {}", trouble.what.words()));
        }
        if let Some(looked) = self.lookout.get().map(Lookout::looked).filter(|looked| *looked >= DEAF) {
            reasons.push(format!("watch: nobody has looked after the runs for {} s", looked.as_secs()));
        }
        reasons
    }
}
