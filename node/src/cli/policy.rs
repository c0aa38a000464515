//! `kentong policy`.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use kentong_protocol::MemberName;
use kentong_protocol::indicator::Kind;
use serde::Serialize;

use super::Outcome;
use super::fields::FieldArgs;
use super::output::{counted, lines, plain, table};
use super::value::{self, ReadingArgs};
use super::workplace::Workplace;
use crate::control::reply::{Done, Reply};
use crate::control::request::Request;
use crate::policy_files;

/// Check, explain or reload what your agency shares and accepts
///
/// Policies are the files policy/*.cedar in the home; edit them, check them, reload them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong policy check
  kentong policy explain phone +60123456789 --scheme loan --tlp green --for SG
  kentong policy reload")]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check policy files without putting them in force
    ///
    /// Needs no running node.
    Check {
        /// The folder with the files; otherwise that of the home.
        folder: Option<PathBuf>,
    },
    Explain(Box<ExplainArgs>),
    /// Put the policy files of the home in force
    ///
    /// Only if all of them are valid; otherwise the node goes on with those it has.
    Reload,
}

/// Say who would get an indicator, and by which policy
///
/// With fields it says what would happen to such an indicator, and changes nothing; without, how
/// it stands with one that was published.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong policy explain domain evil.example --scheme phishing --tlp amber --to SG")]
struct ExplainArgs {
    /// What it is, as in `kentong add`.
    kind: Kind,
    /// The value.
    value: String,
    /// About one member only.
    #[arg(long = "for", value_name = "MEMBER")]
    member: Option<MemberName>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    fields: FieldArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Row<'a> {
    Policy {
        file: &'a str,
        line: u32,
        id: Option<&'a str>,
        note: Option<&'a str>,
    },
}

impl PolicyArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        match self.what {
            What::Check { folder } => check(folder, place),
            What::Explain(args) => args.run(place),
            What::Reload => reload(place),
        }
    }
}

fn check(folder: Option<PathBuf>, place: &Workplace) -> Result<Outcome> {
    let folder = match folder {
        Some(folder) => folder,
        None => place.home()?.policy(),
    };
    let policies = policy_files::read(&folder)?;
    for line in policies.lines() {
        let (id, note) = (line.id.as_deref(), line.note.as_deref());
        if place.json() {
            place.emit(&Row::Policy {
                file: &line.file,
                line: line.line,
                id,
                note,
            })?;
        } else {
            let words = plain(note.or(id).unwrap_or_default());
            place.say(format!("{}:{}  {words}", plain(&line.file), line.line).trim_end())?;
        }
    }
    let count = counted(policies.len() as u64, "policy is", "policies are");
    place.advise(format_args!(
        "{count} valid; `kentong policy reload` puts them in force."
    ))?;
    Ok(Outcome::Done)
}

fn reload(place: &Workplace) -> Result<Outcome> {
    let (rows, done) = place.ask(Request::ReloadPolicy)?;
    if place.json() {
        place.emit_all(&rows, done)?;
        return Ok(Outcome::Done);
    }
    place.say("The policies are in force.")?;
    for note in done.notes {
        place.say(note)?;
    }
    Ok(Outcome::Done)
}

impl ExplainArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let value = value::of_kind(self.kind, &self.value, &self.reading.reading(place)?)?;
        let draft = if self.fields.is_empty() {
            None
        } else {
            Some(Box::new(self.fields.assertion(&place.config()?.defaults)?))
        };
        let (rows, done) = place.ask(Request::Explain {
            value,
            draft,
            member: self.member,
        })?;
        let outcome = if rows.is_empty() {
            Outcome::Nothing
        } else {
            Outcome::Done
        };
        if place.json() {
            place.emit_all(&rows, done)?;
        } else {
            place.say(explanation(&rows, &done))?;
        }
        Ok(outcome)
    }
}

fn explanation(rows: &[Reply], done: &Done) -> String {
    let mut table = table(&["MEMBER", "OUTCOME", "BECAUSE"]);
    for row in rows {
        if let Reply::Verdict(verdict) = row {
            let (member, because) = (&verdict.member, plain(&verdict.because));
            table.add_row([member, verdict.outcome.as_str(), &because]);
        }
    }
    let mut text = match rows {
        [] => "There is nobody else to give it to: install a charter first.".to_owned(),
        _ => lines(&table),
    };
    for note in &done.notes {
        text.push('\n');
        text.push_str(&plain(note));
    }
    text
}
