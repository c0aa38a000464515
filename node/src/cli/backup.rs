//! `kentong backup`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use kentong_keys::Digest;
use serde::Serialize;

use super::Outcome;
use super::output::{counted, plain};
use super::workplace::{Workplace, is_not_running};
use crate::backup::{self, Existing, LogEnd, Written};
use crate::control::reply::Reply;
use crate::control::request::Request;
use crate::home::{Home, HomeLock};
use crate::log::Position;

/// Write a backup of this home into one file
///
/// While the node runs, or while it does not. The indicators in it are encrypted, and its keys lie
/// under the passphrase of the node: anyone who gets both can read what your agency may read, and can
/// pose as it until a new warrant names other keys. It lacks what was signed last and the key that
/// opens what is sealed to you; `kentong restore` makes up for both.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong backup /media/disk/MY-2026-11-25.backup
  kentong backup --replace /media/disk/MY.backup
  tar -tvf /media/disk/MY.backup     what is in it: a tar archive, whose last entry lists the rest")]
pub(super) struct BackupArgs {
    /// The file to write. It is whole or not there.
    file: PathBuf,
    /// Put it in the place of a file that is there.
    #[arg(long)]
    replace: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Row<'a> {
    Backup {
        path: &'a Path,
        files: usize,
        bytes: u64,
        sha256: Digest,
        left_out: &'a [String],
    },
}

impl BackupArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        let member = place.config()?.member;
        // As long as it is held, no node begins to write to the log.
        let (log, lock) = log_end(place, &home)?;
        let existing = if self.replace {
            Existing::Replace
        } else {
            Existing::Keep
        };
        let about = (member, super::charter::now()?.seconds());
        let written = backup::write(&home, log, about, &self.file, existing)?;
        drop(lock);
        let Written {
            files,
            bytes,
            sha256,
            left_out,
        } = &written;
        if place.json() {
            place.emit(&Row::Backup {
                path: &self.file,
                files: *files,
                bytes: *bytes,
                sha256: *sha256,
                left_out,
            })?;
            return Ok(Outcome::Done);
        }
        place.say(format_args!(
            "{} holds {}, {bytes} bytes.\nIts SHA-256, to be kept elsewhere: {sha256}",
            self.file.display(),
            counted(*files as u64, "file", "files"),
        ))?;
        if !left_out.is_empty() {
            place.advise(format_args!(
                "Left out, since no part of a home: {}",
                plain(&left_out.join(", "))
            ))?;
        }
        place.advise(
            "It opens with the passphrase of the node: keep the two apart. `kentong restore --help` \
             says what a node that is made from it does first.",
        )?;
        Ok(Outcome::Done)
    }
}

/// How far the log is to be taken: as the running node says, or all of it while none runs.
fn log_end(place: &Workplace, home: &Home) -> Result<(LogEnd, Option<HomeLock>)> {
    match place.client() {
        Ok(mut client) => {
            let mut end = None;
            client.ask(Request::SyncLog, |reply| {
                if let Reply::Durable(durable) = reply {
                    end = Some(Position::from_u64(durable.position));
                }
            })?;
            match end {
                Some(end) => Ok((LogEnd::At(end), None)),
                None => bail!(
                    "the node did not say how far its log is durable; is it of the same release as \
                     this program?"
                ),
            }
        }
        Err(error) if is_not_running(&error) => {
            let lock = home.lock()?;
            Ok((LogEnd::Whole, Some(lock)))
        }
        Err(error) => Err(error),
    }
}
