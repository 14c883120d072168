//! `kill -9` under load: what was acknowledged is there, once and unchanged.
//!
//! The test here is part of `make test`. The sets of `make chaos` and `make chaos-long` are beside it, as tests that are
//! left out unless they are asked for: `docs/chaos.md` says what they do.

mod crowd;
mod long;
mod machine;
mod maria;
mod rig;
mod short;
mod silent;
mod visitor;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::server::Server;

const KILLS: usize = 5;
/// From one start of the server to its end: six lives make the minute of load.
const LIFE: Duration = Duration::from_secs(10);

/// A simulated lab against the server, its journal and the database it registers its devices in.
fn simulate(server: &Server, scenario: &str, database_url: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_cellar"))
        .args(["simulate", "--url", &format!("mqtt://{}", server.mqtt())])
        .args(["--scenario", scenario, "--seed", "7", "--database-url", database_url])
        // As often as the server orders, a lab would measure too little to prove anything.
        .args(if scenario == "lab" { &["--rate", "10"][..] } else { &[] })
        .args(["--journal", &journal(server, scenario)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn journal(server: &Server, scenario: &str) -> String {
    server.data_dir().join(format!("{scenario}.journal")).display().to_string()
}

both_engines! {
    async fn five_kills_in_a_minute_of_load_lose_nothing(database: Database) {
        tokio::task::spawn_blocking(move || {
            let mut server = Server::start_with(&["--database-url", database.url()]);
            let scenarios = ["load", "faults", "lab"];
            let mut labs: Vec<Child> =
                scenarios.iter().map(|scenario| simulate(&server, scenario, database.url())).collect();
            for _ in 0..KILLS {
                std::thread::sleep(LIFE);
                server.kill_9();
                server.restart();
            }
            std::thread::sleep(LIFE);
            for lab in &mut labs {
                // SIGTERM: the devices stop measuring and deliver what is left.
                let pid = lab.id().to_string();
                assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
            }
            for (lab, scenario) in labs.iter_mut().zip(scenarios) {
                assert!(lab.wait().unwrap().success(), "{scenario}: readings stayed unacknowledged");
            }
            for scenario in scenarios {
                let checked = server.cellar(&[
                    "simulate", "check", "--journal", &journal(&server, scenario), "--database-url", database.url(),
                ]);
                let printed = String::from_utf8_lossy(&checked.stdout);
                let (counts, created) = printed.split_once('\n').unwrap();
                assert_eq!(counts, "missing 0 duplicate 0 altered 0 acked_missing 0", "{scenario}: {printed}");
                let created: u64 = created.split_whitespace().nth(1).and_then(|count| count.parse().ok()).unwrap();
                assert!(created > 1_000, "{scenario} measured too little: {printed}");
            }
            assert!(server.stop());
        })
        .await
        .unwrap();
    }
}
