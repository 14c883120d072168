//! A simulated lab: devices that speak the real protocol over real TCP.
//!
//! `cellar simulate` runs it against any server, `cellar demo` inside its own process. What the devices measure follows
//! from the seed; only the stamps come from the clock. A device is two halves with an [outbox](outbox::Outbox) between
//! them: one measures, numbers its rows and notes them in the [journal], the other keeps a connection and sends until the
//! server acknowledges. A reading is forgotten only then.
//!
//! | Part | |
//! |---|---|
//! | [`crate::analysis::cell_model`] | batteries |
//! | [`instrument`], [`cycler`], [`replay`], [`station`], [`mod@unit`] | cyclers and the units that drive them |
//! | [`probe`], [`load`] | probes, and devices that only send much |
//! | `clumsy`, `vandal` | devices that test how much a server bears |
//! | [`mischief`], [`rough`] | what goes wrong with any device, and with the network |
//! | [`batch`], [`outbox`], `device`, `link`, `session` | rows on their way to the server |
//! | [`journal`], [`audit`], [`timing`] | what was measured, whether the database has it, and how soon it said so |

pub mod audit;
pub mod batch;
mod clumsy;
pub mod command;
pub mod cycler;
mod device;
pub mod instrument;
pub mod journal;
mod link;
#[cfg(test)]
mod link_tests;
pub mod load;
pub mod mischief;
pub mod outbox;
pub mod plan;
pub mod probe;
pub mod replay;
pub mod rough;
pub mod scenario;
mod session;
pub mod station;
pub mod timing;
pub mod unit;
mod vandal;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use device::{DRAIN_MAX, Identity, Summary, Surroundings};
pub use link::{AckMode, Broker};
pub use mischief::Mischief;
pub use plan::{Finished, Plan};

use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;

/// Mean time between the cut connections of a clumsy device.
const CUT_AFTER: Duration = Duration::from_secs(4);
/// Ends of experiments waiting to be taken by the caller; more stations than that do not finish at once.
pub const FINISHED_MAX: usize = 64;

/// Runs every device of a plan until `surroundings.shutdown` turns true and everything measured is delivered, at most
/// [`DRAIN_MAX`] longer. Every experiment that comes to its end is told through `finished`, which also takes the next one;
/// a caller who does not care passes a sender nobody listens to.
pub async fn run(plan: Plan, surroundings: Surroundings, finished: mpsc::Sender<Finished>) -> Summary {
    let mut devices = JoinSet::new();
    let runaways = Arc::new(plan.runaways);
    for (index, unit) in (0..).zip(plan.units) {
        let (surroundings, finished, runaways) = (surroundings.clone(), finished.clone(), Arc::clone(&runaways));
        let who = identity(&unit.device, &unit.secret, DeviceKind::Unit);
        devices.spawn(async move {
            device::run(who, surroundings, index, None, |feed| unit::measure(feed, unit, finished, &runaways)).await
        });
    }
    for probe in plan.probes {
        let surroundings = surroundings.clone();
        let who = identity(&probe.device, &probe.secret, DeviceKind::Probe);
        devices.spawn(async move {
            device::run(who, surroundings, probe.seed, None, |feed| probe::measure(feed, probe)).await
        });
    }
    for load in plan.loads {
        let surroundings = surroundings.clone();
        let who = identity(&load.device, &load.secret, DeviceKind::Probe);
        devices.spawn(async move {
            device::run(who, surroundings, load.seed, None, |feed| load::measure(feed, load, load::in_order)).await
        });
    }
    for load in plan.clumsy {
        let surroundings = surroundings.clone();
        let who = identity(&load.device, &load.secret, DeviceKind::Probe);
        let mut mischief = clumsy::Mischief::new(load.seed);
        let deliver = move |feed: &mut device::Feed, batches, last| mischief.deliver(feed, batches, last);
        devices.spawn(async move {
            let measure = |feed| load::measure(feed, load.clone(), deliver);
            device::run(who, surroundings, load.seed, Some(CUT_AFTER), measure).await
        });
    }
    for vandal in plan.vandals {
        let (broker, shutdown) = (surroundings.broker.clone(), surroundings.shutdown.clone());
        devices.spawn(async move {
            vandal::run(vandal, broker, shutdown).await;
            Summary::default()
        });
    }
    drop(finished);
    let mut summary = Summary::default();
    while let Some(ended) = devices.join_next().await {
        match ended {
            Ok(of_device) => summary += of_device,
            Err(error) => tracing::error!(%error, "a simulated device broke down"),
        }
    }
    summary
}

fn identity(device: &DeviceId, secret: &str, kind: DeviceKind) -> Identity {
    Identity {
        device: device.clone(),
        secret: secret.to_owned(),
        kind,
        model: format!("simulated {}", kind.as_str()),
        serial: format!("SIM-{device}"),
    }
}
