//! `kentong charter install`.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_protocol::charter::{Charter, MAX_CHARTER};
use kentong_protocol::directory::Bundle;

use super::super::Outcome;
use super::super::workplace::{Workplace, read_foreign};
use crate::home::Home;
use crate::member_file;

/// Put a charter in force at this node
///
/// All of its members must have signed it, and this node's member must be one of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong charter install charter.txt")]
pub(in super::super) struct InstallArgs {
    /// The charter with all signatures.
    file: PathBuf,
}

impl InstallArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        let at = |error: &dyn std::fmt::Display| anyhow!("{}: {error}", self.file.display());
        let bytes = read_foreign(&self.file, MAX_CHARTER)?;
        let charter = Charter::open(&bytes).map_err(|error| {
            at(&format_args!(
                "{error}; if signatures are missing, `kentong charter merge` joins them, otherwise ask for the file again"
            ))
        })?;
        check_own(&charter, &home, place).map_err(|error| at(&error))?;
        if let Ok(before) = std::fs::read(home.charter())
            && let Ok(before) = Charter::open(&before)
            && before.id() != charter.id()
        {
            bail!(
                "this node belongs to the federation {} already ({}); make another home for {}",
                before.federation(),
                before.id(),
                charter.federation()
            );
        }
        put(&home.charter(), &bytes).map_err(|error| {
            anyhow!(
                "cannot write {}: {error}; check the disk",
                home.charter().display()
            )
        })?;
        if place.json() {
            let (federation, id) = (charter.federation(), charter.id().to_string());
            let charter = serde_json::json!({ "federation": federation, "id": id });
            place.emit(&serde_json::json!({ "installed": charter }))?;
        } else {
            let count = charter.members().len();
            place.say(format_args!(
                "The charter of {} with {count} members is in force here.",
                charter.federation()
            ))?;
        }
        place.reload_members()?;
        Ok(Outcome::Done)
    }
}

/// The charter must know this node's member by the root key that its own file names.
fn check_own(charter: &Charter, home: &Home, place: &Workplace) -> Result<()> {
    let Some(me) = place.config()?.member else {
        bail!("config.toml does not say whose node this is; write `member = \"…\"` there");
    };
    let own = member_file::path(&home.members(), &me);
    let own = Bundle::parse(&read_foreign(&own, Bundle::MAX_LEN)?)
        .map_err(|error| anyhow!("{}: {error}; put it back from your backup", own.display()))?;
    match charter.member(&me) {
        None => bail!("{me} is not a member by it; ask for a charter that lists your card"),
        Some(listed) if listed.root() != own.root() => bail!(
            "it lists another root key for {me}; ask for a charter that lists your card of today"
        ),
        Some(_) => Ok(()),
    }
}

fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
