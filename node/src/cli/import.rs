//! `kentong import`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kentong_protocol::indicator::Kind;
use serde::Serialize;

use super::Outcome;
use super::fields::{FieldArgs, missing};
use super::output::plain;
use super::value::ReadingArgs;
use super::workplace::{Workplace, is_not_running};
use crate::control::client::Client;
use crate::control::reply;
use crate::control::request::{Entry, MAX_ENTRIES, Request};
use crate::import::{Columns, Format, Import, Options, Place, ReadRow, RefusedRows, Report};

/// The most bytes of entries in one request: well below what a line of the control socket holds.
const MAX_BYTES: usize = crate::control::MAX_LINE / 2;
/// How many denied or withdrawn rows are named.
const MAX_NAMED: usize = 3;
/// How many notes of the node are shown.
const MAX_NOTES: usize = 20;

/// Publish the indicators in files
///
/// Lists, hosts files, tables and the lists of polkadot-js are told apart by their content. Each
/// row that gives no indicator is reported with its line and the reason. Importing a file again
/// changes nothing. What is said by options holds for the rows whose own columns do not say it.
///
/// A value is read in one way only, or not at all. Its kind is taken from its form where that leaves
/// no doubt; national telephone numbers, bank accounts and names without a platform need --kind, or
/// a column `kind`. See with --dry-run how a file is read before you publish it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong import domains.txt --scheme phishing --tlp green --dry-run
  kentong import cases.csv --map value=account,description=note --kind bank-account \\
      --scheme mule-account --tlp amber --to SG,TH --refused refused.csv")]
pub(super) struct ImportArgs {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How they are to be read: list, hosts, csv, polkadot or polkadot-dated. Otherwise by their
    /// content.
    #[arg(long)]
    format: Option<Format>,
    /// The kind of all values; otherwise by the form of each value.
    #[arg(long)]
    kind: Option<Kind>,
    /// Which columns of a table mean what, as in value=account,description=note.
    #[arg(long, value_name = "OURS=THEIRS,…", value_parser = Columns::mapped)]
    map: Option<Columns>,
    /// The columns of a table without a header, as in value,-,description.
    #[arg(long, value_name = "NAMES", value_parser = Columns::positions, conflicts_with = "map")]
    columns: Option<Columns>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Only say what would happen, and how the rows were read: as which kinds, and what was done to
    /// values, with the first row of each sort. With --json, every row.
    #[arg(long)]
    dry_run: bool,
    /// Publish also what you withdrew or erased earlier; otherwise that is left as it is.
    #[arg(long)]
    again: bool,
    /// Write the rows that were refused to this file, as a table to be corrected.
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    #[command(flatten)]
    fields: FieldArgs,
}

/// What became of the rows of a file.
#[derive(Debug, Serialize)]
struct Imported {
    #[serde(flatten)]
    report: Report,
    new: u64,
    revised: u64,
    denied: u64,
    denied_rows: Vec<String>,
    withdrawn: u64,
    withdrawn_rows: Vec<String>,
    erased: u64,
    erased_rows: Vec<String>,
    /// What else the node had to say, each once.
    notes: BTreeSet<String>,
}

/// Rows on their way to the node.
struct Shipment<'a> {
    /// None in a dry run without a node: then only the reading is tried.
    client: Option<&'a mut Client>,
    dry_run: bool,
    again: bool,
    entries: Vec<Entry>,
    places: Vec<Place>,
    bytes: usize,
    result: Imported,
}

impl ImportArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (said, unsaid) = self.fields.draft(&place.config()?.defaults)?;
        let options = Options {
            format: self.format,
            columns: self.map.or(self.columns).unwrap_or_default(),
            kind: self.kind,
            reading: self.reading.reading(place)?,
            said,
            unsaid,
        };
        let mut client = match place.client() {
            Ok(client) => Some(client),
            Err(error) if self.dry_run && is_not_running(&error) => {
                place.advise("No node runs, so only the reading of the files is tried.")?;
                None
            }
            Err(error) => return Err(error),
        };
        let mut refused = self.refused.as_deref().map(create).transpose()?;
        let mut taken_any = false;
        for path in &self.files {
            let how = (self.dry_run, self.again);
            let result = one(place, path, &options, client.as_mut(), how, &mut refused)?;
            let Imported { report, .. } = &result;
            taken_any |= report.taken + report.known > 0;
            if place.json() {
                place.emit(&serde_json::json!({ "import": result }))?;
            } else {
                place.say(result.in_words().trim_end())?;
            }
        }
        if let Some(refused) = refused {
            refused.finish()?;
        }
        Ok(if taken_any {
            Outcome::Done
        } else {
            Outcome::Nothing
        })
    }
}

fn create(path: &Path) -> Result<RefusedRows<File>> {
    // Nothing is overwritten: by a slip it may be the very file that is imported.
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let file = file.map_err(|error| {
        anyhow!(
            "cannot write {}: {error}; name another file",
            path.display()
        )
    })?;
    Ok(RefusedRows::new(file)?)
}

fn one(
    place: &Workplace,
    path: &Path,
    options: &Options,
    client: Option<&mut Client>,
    (dry_run, again): (bool, bool),
    refused: &mut Option<RefusedRows<File>>,
) -> Result<Imported> {
    let import = Import::open(path, options)?;
    let never = options.unsaid.iter().copied();
    let never: Vec<_> = never.filter(|column| !import.has_column(*column)).collect();
    if !never.is_empty() {
        let error = missing(&never);
        bail!("{}: no column says it, so {error}", path.display());
    }
    let mut report = Report::new(&path.display().to_string(), &import);
    report.dry_run = dry_run;
    let each_row = dry_run && place.json();
    let bar = if each_row {
        ProgressBar::hidden()
    } else {
        bar(import.progress().length())
    };
    let progress = import.progress().clone();
    let mut shipment = Shipment {
        client,
        dry_run,
        again,
        entries: Vec::new(),
        places: Vec::new(),
        bytes: 0,
        result: Imported {
            report,
            new: 0,
            revised: 0,
            denied: 0,
            denied_rows: Vec::new(),
            withdrawn: 0,
            withdrawn_rows: Vec::new(),
            erased: 0,
            erased_rows: Vec::new(),
            notes: BTreeSet::new(),
        },
    };
    for row in import {
        let row = row.map_err(|error| {
            let taken = shipment.result.report.taken;
            anyhow!(
                "{}: {error} ({taken} indicators before it were taken)",
                path.display()
            )
        })?;
        shipment.result.report.count(&row);
        if each_row {
            let row = ReadRow::new(&shipment.result.report.file, &row);
            place.emit(&serde_json::json!({ "row": row }))?;
        }
        if let Some(refused) = refused {
            refused.write(&row)?;
        }
        if let Ok(draft) = row.outcome {
            let entry = Entry {
                value: draft.value,
                assertion: draft.assertion,
            };
            shipment.load(entry, row.place)?;
        }
        bar.set_position(progress.read());
    }
    shipment.send()?;
    bar.finish_and_clear();
    Ok(shipment.result)
}

impl Shipment<'_> {
    fn load(&mut self, entry: Entry, place: Place) -> Result<()> {
        let bytes = serde_json::to_vec(&entry)?.len();
        if self.entries.len() == MAX_ENTRIES || self.bytes + bytes > MAX_BYTES {
            self.send()?;
        }
        self.bytes += bytes;
        self.entries.push(entry);
        self.places.push(place);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let entries = std::mem::take(&mut self.entries);
        let places = std::mem::take(&mut self.places);
        self.bytes = 0;
        if entries.is_empty() {
            return Ok(());
        }
        let Some(client) = self.client.as_deref_mut() else {
            self.result.report.settle(entries.len() as u64, 0);
            return Ok(());
        };
        let done = client.ask(
            Request::Assert {
                entries,
                dry_run: self.dry_run,
                again: self.again,
            },
            drop,
        )?;
        self.result.settle(&places, &done.outcomes);
        self.result.note(done.notes);
        Ok(())
    }
}

impl Imported {
    fn settle(&mut self, places: &[Place], outcomes: &[reply::Outcome]) {
        let (mut taken, mut known) = (0, 0);
        for (place, outcome) in places.iter().zip(outcomes) {
            match outcome {
                reply::Outcome::New => {
                    self.new += 1;
                    taken += 1;
                }
                reply::Outcome::Revised => {
                    self.revised += 1;
                    taken += 1;
                }
                reply::Outcome::Known => known += 1,
                reply::Outcome::Denied => {
                    self.denied += 1;
                    name(&mut self.denied_rows, *place);
                }
                reply::Outcome::Withdrawn => {
                    self.withdrawn += 1;
                    name(&mut self.withdrawn_rows, *place);
                }
                reply::Outcome::Erased => {
                    self.erased += 1;
                    name(&mut self.erased_rows, *place);
                }
            }
        }
        self.report.settle(taken, known);
    }

    fn note(&mut self, notes: Vec<String>) {
        let room = MAX_NOTES.saturating_sub(self.notes.len());
        self.notes.extend(notes.into_iter().take(room));
    }

    fn in_words(&self) -> String {
        let mut words = self.report.to_string();
        if self.new + self.revised > 0 {
            words.push_str(&format!(
                "of those taken, {} new and {} revised\n",
                self.new, self.revised
            ));
        }
        if self.denied > 0 {
            words.push_str(&format!(
                "{:>12}  denied: policy/local.cedar does not let you publish them ({})\n",
                self.denied,
                named(self.denied, &self.denied_rows)
            ));
        }
        if self.withdrawn > 0 {
            words.push_str(&format!(
                "{:>12}  withdrawn earlier: left withdrawn; give --again to assert them again \
                 ({})\n",
                self.withdrawn,
                named(self.withdrawn, &self.withdrawn_rows)
            ));
        }
        if self.erased > 0 {
            words.push_str(&format!(
                "{:>12}  erased earlier: left erased; give --again to assert them again \
                 ({})\n",
                self.erased,
                named(self.erased, &self.erased_rows)
            ));
        }
        for note in &self.notes {
            words.push_str(&plain(note));
            words.push('\n');
        }
        words
    }
}

/// The rows that are named, and whether there are others.
fn named(count: u64, rows: &[String]) -> String {
    let more = if count > rows.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", plain(&rows.join(", ")))
}

fn name(rows: &mut Vec<String>, place: Place) {
    if rows.len() < MAX_NAMED {
        rows.push(place.to_string());
    }
}

/// A bar on a terminal, and nothing elsewhere.
fn bar(length: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    match length {
        Some(length) => {
            let style =
                ProgressStyle::with_template("{wide_bar} {percent}% of {total_bytes} {eta}");
            ProgressBar::new(length)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        }
        None => ProgressBar::new_spinner(),
    }
}
