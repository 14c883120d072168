//! The server dies around every change of a run and around every command it sends. The unit begins each run once, and no stop
//! is lost. The life of a simulated unit here; every single change of the table in `crash_edges`.

use std::time::{Duration, Instant};

use cellar::domain::audit::Actor;
use cellar::domain::experiment::ExperimentState::{self, Finished, Paused, Running, Stopped};
use cellar::domain::ids::ExperimentId;

use crate::scheduler::Lab;

/// What has not happened after this time is not going to.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs that come by what those before them missed.
const LIVES_MAX: usize = 6;

/// Who asks for the next state.
#[derive(Debug, Clone, Copy)]
enum Wish {
    /// Nobody: it comes by itself.
    None,
    Stop,
    Pause,
    Resume,
}

/// The states of a life, each with what leads to it and the places on the way where the process dies.
const LIFE: &[(Wish, ExperimentState, &[&str])] = &[
    (
        Wish::None,
        Running,
        &[
            "queued-starting-before-commit",
            "queued-starting-after-commit",
            "start-before-send",
            "start-after-send",
            "start-noted",
            "starting-running-before-commit",
            "starting-running-after-commit",
        ],
    ),
    (
        Wish::Pause,
        Paused,
        &[
            "pause-before-send",
            "pause-after-send",
            "pause-noted",
            "running-paused-before-commit",
            "running-paused-after-commit",
        ],
    ),
    (
        Wish::Resume,
        Running,
        &[
            "resume-before-send",
            "resume-after-send",
            "resume-noted",
            "paused-running-before-commit",
            "paused-running-after-commit",
        ],
    ),
    (
        Wish::Stop,
        Stopped,
        &[
            "running-stopping-before-commit",
            "running-stopping-after-commit",
            "stop-before-send",
            "stop-after-send",
            "stop-noted",
            "stopping-stopped-before-commit",
            "stopping-stopped-after-commit",
        ],
    ),
];

/// Ends of another run, that comes to its end by itself.
const END: &[&str] = &["running-finished-before-commit", "running-finished-after-commit"];

impl Lab {
    /// Lets the server live until it dies at a place, or shows the state in spite of it.
    async fn die_at(&mut self, place: &str, id: ExperimentId, wish: Wish, to: ExperimentState) -> bool {
        self.server.end();
        self.server.restart_in(&[("CELLAR_FAILPOINT", place)]);
        let began = Instant::now();
        while !self.server.is_dead() {
            if self.state(id).await == to {
                // It dies a moment after what it stored is seen, or it does not come by there any more.
                tokio::time::sleep(Duration::from_millis(500)).await;
                return self.server.is_dead();
            }
            // Whoever pressed a button and got no answer presses it again; that it was heard the first time does no harm.
            self.wish(id, wish).await;
            assert!(began.elapsed() < PATIENCE, "it neither died at {place} nor came to {to:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        true
    }

    async fn wish(&mut self, id: ExperimentId, wish: Wish) {
        let word = match wish {
            Wish::None => return,
            Wish::Stop => "stop",
            Wish::Pause => "pause",
            Wish::Resume => "resume",
        };
        // The server may die in the middle of it.
        let _ = self.operator.try_post(&format!("/experiments/{id}/{word}"), &[]).await;
    }
}

/// Lets a run live, with a death at each of the places wanted that it comes by; these are returned.
async fn live(lab: &mut Lab, name: &str, wanted: &[&'static str]) -> Vec<&'static str> {
    let mut died = Vec::new();
    let id = lab.queue(name, 3_600.0).await;
    for (wish, to, places) in LIFE {
        for place in places.iter().filter(|place| wanted.contains(place)) {
            if lab.die_at(place, id, *wish, *to).await {
                died.push(*place);
            }
        }
        lab.server.end();
        lab.server.restart();
        let began = Instant::now();
        while lab.state(id).await != *to {
            // A stop that was stored is not asked for again.
            if !matches!(wish, Wish::Stop) || lab.state(id).await == Running {
                lab.wish(id, *wish).await;
            }
            assert!(began.elapsed() < PATIENCE, "not {to:?}: {:?}", lab.store.transitions(id).await.unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(lab.simulation.begun(id), 1, "{:?}", lab.store.transitions(id).await.unwrap());
    }
    died
}

both_engines! {
    async fn whenever_the_server_dies_a_run_begins_once_and_every_stop_is_done(database: Database) {
        if !cfg!(debug_assertions) {
            return;
        }
        let mut lab = Lab::start(&["--database-url", database.url()]).await;
        lab.until(lab.first, Running).await;
        lab.store.ask_stop(&Actor::server("test"), lab.first, "", 1).await.unwrap();
        lab.until(lab.first, Stopped).await;
        let mut missed: Vec<&str> = LIFE.iter().flat_map(|(_, _, places)| *places).copied().collect();
        // What went out just before a death may have arrived: the run is past the next places then, and another one comes by.
        for life in 1..=LIVES_MAX {
            let died = live(&mut lab, &format!("Life {life}"), &missed).await;
            eprintln!("life {life}: died {} times", died.len());
            missed.retain(|place| !died.contains(place));
            if missed.is_empty() {
                break;
            }
        }
        for place in END {
            let id = lab.queue(place, 1.0).await;
            if !lab.die_at(place, id, Wish::None, Finished).await {
                missed.push(place);
            }
            lab.server.end();
            lab.server.restart();
            lab.until(id, Finished).await;
            assert_eq!(lab.simulation.begun(id), 1, "{place}");
        }
        assert_eq!(missed, Vec::<&str>::new(), "nobody died there");
    }
}
