//! `kentong demo`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::Outcome;
use crate::demo;

/// Look around in a whole federation on this machine
///
/// Starts several nodes, each in a home of its own, lets them sign a charter, imports made-up
/// indicators, and shows in plain words what goes where. Nothing leaves this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong demo                      four members, until Ctrl-C
  kentong demo --members 11 --exit  all eleven, and end after the tour")]
pub(super) struct DemoArgs {
    /// How many members the federation has.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=11))]
    members: u8,
    /// End after the tour rather than wait for Ctrl-C. Fails if anything was not as it should be.
    #[arg(long)]
    exit: bool,
    /// Where the homes go: a folder that is not there yet. Otherwise among the temporary files.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Try another share policy for one member, as in MY=share.cedar.
    #[arg(long, value_name = "MEMBER=FILE", value_parser = share_policy)]
    share_policy: Option<(String, PathBuf)>,
}

fn share_policy(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((member, file)) if !file.is_empty() => Ok((member.to_owned(), file.into())),
        _ => Err("write it as MEMBER=FILE, as in MY=share.cedar".into()),
    }
}

impl DemoArgs {
    pub(super) fn run(self) -> Result<Outcome> {
        let Self {
            members,
            exit,
            dir,
            share_policy,
        } = self;
        demo::run(&demo::Options {
            members,
            exit,
            dir,
            share_policy,
        })?;
        Ok(Outcome::Done)
    }
}
