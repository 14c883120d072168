//! Closes the connection of a device whose registration changed: it was shut out, or its secret is another one.
//!
//! The change may be made by any process that has the database, so the database is asked, not told.

use std::time::Duration;

use tokio::sync::watch;

use super::registry::Registry;
use super::told_to_stop;
use crate::node::gate::Gate;

/// Pause between two looks. A device that was shut out is gone within two seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Follows the changes until `shutdown`. One look is one read by an index; it finds nothing almost always.
pub(super) async fn follow(gate: Gate, registry: Registry, mut shutdown: watch::Receiver<bool>) {
    // From the first change on, though old: then no connection can slip in between a look and a change.
    let mut seen = 0;
    let mut failed = false;
    loop {
        match gate.changed_after(seen).await {
            Ok(changes) => {
                failed = false;
                registry.revise(&changes);
                if let Some((_, newest)) = changes.last() {
                    seen = *newest;
                    continue;
                }
            }
            // The next success says it all; meanwhile one line is enough.
            Err(error) if !failed => {
                failed = true;
                tracing::warn!(error = &error as &dyn std::error::Error, "changes of devices cannot be read now");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = told_to_stop(&mut shutdown) => return,
        }
    }
}
