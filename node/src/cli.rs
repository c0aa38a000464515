//! The command line: arguments, help, and what each command does. Everything about what is held
//! goes through the control socket; only what concerns the home itself touches its files.
//!
//! The only place that names `clap`.

mod add;
mod backup;
mod card;
mod charter;
mod demo;
mod erase;
mod feeds;
mod fields;
mod import;
mod init;
mod output;
mod passphrase;
mod peers;
mod policy;
mod query;
mod receipts;
mod recover;
mod restore;
mod root_key;
mod run;
mod show;
mod status;
mod stop;
mod value;
mod warrant;
mod withdraw;
mod workplace;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::control::client::ClientError;
use crate::terminal::plain_lines;

use self::workplace::Workplace;

/// Share what is known about scams with the agencies of other countries, as far as your own
/// policy lets it go and no further.
///
/// Each agency runs a node. It keeps this agency's indicators and those that others released to
/// it, and speaks to the other nodes directly; there is no server in the middle.
#[derive(Debug, Parser)]
#[command(name = "kentong", version, after_help = BEGIN, disable_help_subcommand = true)]
pub struct Command {
    #[command(flatten)]
    anywhere: Anywhere,
    #[command(subcommand)]
    what: What,
}

const BEGIN: &str = "\
To look around in a federation on this machine:
  kentong demo
To begin with your own node:
  kentong init --member MY --name \"Malaysia\" --listen /ip4/0.0.0.0/udp/4747/quic-v1
  kentong card > MY.card          send this to the other members

Exit status: 0 done, 1 nothing found or refused, 2 error.";

// What every command takes. No doc comment: clap would take it for that of the whole program.
#[derive(Debug, Args)]
struct Anywhere {
    /// The folder with all that belongs to this node. Otherwise that in KENTONG_HOME, otherwise
    /// ~/.local/share/kentong.
    #[arg(long, global = true, value_name = "FOLDER")]
    home: Option<PathBuf>,
    /// Write for programs: one JSON object per line, each with the version of its form in `v`.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Card(card::CardArgs),
    Charter(charter::CharterArgs),
    Run(run::RunArgs),
    Import(import::ImportArgs),
    Add(add::AddArgs),
    Withdraw(withdraw::WithdrawArgs),
    Erase(erase::EraseArgs),
    Query(query::QueryArgs),
    Show(show::ShowArgs),
    Policy(policy::PolicyArgs),
    Peers(peers::PeersArgs),
    Feeds(feeds::FeedsArgs),
    Receipts(receipts::ReceiptsArgs),
    Status(status::StatusArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Recover(recover::RecoverArgs),
    Warrant(warrant::WarrantArgs),
    Stop(stop::StopArgs),
}

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was asked.
    Done,
    /// Nothing was found, or everything was refused.
    Nothing,
}

/// What there is to show instead of doing something: help, the version, or what is wrong with
/// the arguments.
#[derive(Debug)]
pub struct Usage(clap::Error);

impl Usage {
    /// Shows it; answers the exit status.
    #[must_use]
    pub fn show(&self) -> u8 {
        // With the terminal gone there is nobody left to tell.
        drop(self.0.print());
        u8::try_from(self.0.exit_code()).unwrap_or(2)
    }
}

impl Command {
    /// Reads the command line, whose first word is the program.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Usage> {
        Self::try_parse_from(arguments).map_err(Usage)
    }

    /// Does what the command line says.
    pub fn run(self) -> Result<Outcome> {
        let Anywhere { home, json } = self.anywhere;
        let place = Workplace::new(home, json)?;
        match self.what {
            What::Demo(args) => args.run(),
            What::Init(args) => args.run(&place),
            What::Card(args) => args.run(&place),
            What::Charter(args) => args.run(&place),
            What::Run(args) => args.run(&place),
            What::Import(args) => args.run(&place),
            What::Add(args) => args.run(&place),
            What::Withdraw(args) => args.run(&place),
            What::Erase(args) => args.run(&place),
            What::Query(args) => args.run(&place),
            What::Show(args) => args.run(&place),
            What::Policy(args) => args.run(&place),
            What::Peers(args) => args.run(&place),
            What::Feeds(args) => args.run(&place),
            What::Receipts(args) => args.run(&place),
            What::Status(args) => args.run(&place),
            What::Backup(args) => args.run(&place),
            What::Restore(args) => args.run(&place),
            What::Recover(args) => args.run(&place),
            What::Warrant(args) => args.run(&place),
            What::Stop(args) => args.run(&place),
        }
    }
}

/// Whether a command failed only because nobody reads its output.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(broken)
}

/// Whether the node said no, by policy or because there is no such thing.
#[must_use]
pub fn is_refusal(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(ClientError::Refused(failure)) => failure.code.is_refusal(),
        _ => false,
    }
}

/// An error in a line, with its causes as far as it does not say them itself.
#[must_use]
pub fn in_words(error: &anyhow::Error) -> String {
    let mut words = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !words.contains(&cause) {
            words.push_str(": ");
            words.push_str(&cause);
        }
    }
    plain_lines(&words)
}

#[cfg(test)]
mod tests;
