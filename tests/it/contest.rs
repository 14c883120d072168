//! Several servers on one database: of two that change the same thing one wins, one leads, and another takes over.

use std::time::{Duration, Instant};

use cellar::domain::experiment::ExperimentState::{Paused, Running};
use cellar::domain::ids::ExperimentId;
use cellar::domain::station::StationState;
use cellar::store::lease::LEADER;
use cellar::store::transitions::Move;
use cellar::store::{Store, StoreError};

use crate::scheduler::Lab;
use crate::support::lab;
use crate::support::server::Server;

/// Changes that two servers want to make at the same time.
const CONTESTS: usize = 1_000;
/// A lease moves within this time; the rest is for a loaded machine.
const LEASE_MAX: Duration = Duration::from_secs(15);

/// One try of a change that was decided at `version`; whether it was made.
async fn try_move(store: &Store, experiment: ExperimentId, version: i64, to_paused: bool) -> bool {
    let (from, to) = if to_paused { (Running, Paused) } else { (Paused, Running) };
    let change = Move { experiment, version, from, to, actor: "test", reason: "" };
    loop {
        let tried = async {
            let mut group = store.begin_group().await?;
            let moved = group.move_experiment(change, 1).await?;
            group.commit().await?;
            Ok::<bool, StoreError>(moved)
        };
        match tried.await {
            Ok(moved) => return moved,
            // A deadlock, or a lock that was held too long: nothing was changed, as every caller knows.
            Err(error) if error.may_pass() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

both_engines! {
    async fn of_two_servers_that_change_the_same_run_one_wins_each_time(database: Database) {
        let one = Store::open(database.url()).await.unwrap();
        one.migrate().await.unwrap();
        let other = Store::open(database.url()).await.unwrap();
        let unit = lab::unit(&one, "cu-01").await;
        let station = one.add_station("A1", &unit).await.unwrap();
        let experiment = lab::experiment(&one, "Contested", station).await;
        lab::say(&one, &unit, station, experiment, StationState::Running).await;
        let first = one.experiment(experiment).await.unwrap().unwrap().version;
        let mut won = [0, 0];
        for contest in 0..CONTESTS {
            let version = first + i64::try_from(contest).unwrap();
            let to_paused = contest % 2 == 0;
            let tries = [&one, &other].map(|store| {
                let store = store.clone();
                tokio::spawn(async move { try_move(&store, experiment, version, to_paused).await })
            });
            let [mine, theirs] = tries;
            let moved = [mine.await.unwrap(), theirs.await.unwrap()];
            assert_eq!(moved.iter().filter(|moved| **moved).count(), 1, "contest {contest}: {moved:?}");
            won[0] += usize::from(moved[0]);
            won[1] += usize::from(moved[1]);
        }
        eprintln!("won: {won:?}");
        let ends = one.experiment(experiment).await.unwrap().unwrap().version;
        assert_eq!(ends, first + i64::try_from(CONTESTS).unwrap());
    }

    async fn another_server_leads_when_the_leader_dies_and_nothing_is_begun_twice(database: Database) {
        let mut leader = Server::start_with(&["--database-url", database.url()]);
        // The unit is connected to the server that does not lead.
        let lab = Lab::on(Server::start_with(&["--database-url", database.url()])).await;
        lab.until(lab.first, Running).await;
        let before = lab.store.lease(LEADER).await.unwrap();
        assert_eq!(before.epoch, 1, "the first one leads");
        leader.kill_9();
        let began = Instant::now();
        let after = loop {
            let lease = lab.store.lease(LEADER).await.unwrap();
            if lease.owner != before.owner {
                break lease;
            }
            assert!(began.elapsed() < 4 * LEASE_MAX, "nobody leads");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let took = began.elapsed();
        eprintln!("the lease moved after {took:?}");
        assert!(took <= LEASE_MAX + Duration::from_secs(5), "{took:?}");
        assert_eq!(after.epoch, 2);
        lab.store.ask_stop(&lab::tester(), lab.first, "", 1).await.unwrap();
        let next = lab.queue("Next", 1.0).await;
        lab.until(next, cellar::domain::experiment::ExperimentState::Finished).await;
        assert_eq!((lab.simulation.begun(lab.first), lab.simulation.begun(next)), (1, 1));
    }
}
