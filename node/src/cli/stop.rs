//! `kentong stop`.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use super::Outcome;
use super::workplace::Workplace;
use crate::control::request::Request;
use crate::home::HomeError;

/// How long a node may take to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Stop the node in good order
///
/// Waits until it has ended.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong stop")]
pub(super) struct StopArgs {}

impl StopArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (_, done) = place.ask(Request::Stop)?;
        let began = Instant::now();
        // The lock is the last that a node lets go of; a caller that may not see it uses the socket.
        let home = place.home().ok();
        let runs = || match &home {
            Some(home) => matches!(home.lock(), Err(HomeError::Locked { .. })),
            None => place.client().is_ok(),
        };
        while runs() {
            if began.elapsed() > PATIENCE {
                bail!(
                    "the node has not ended after {} s; see its log",
                    PATIENCE.as_secs()
                );
            }
            std::thread::sleep(LOOK);
        }
        if place.json() {
            place.emit_all(&[], done)?;
        } else {
            place.say("The node has ended.")?;
        }
        Ok(Outcome::Done)
    }
}
