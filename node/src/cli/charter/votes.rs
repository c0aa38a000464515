//! `kentong charter votes`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use kentong_protocol::MemberName;
use kentong_protocol::charter::{Chain, Papers, UnverifiedCharter, UnverifiedNotice};

use super::super::Outcome;
use super::super::workplace::Workplace;
use super::merge::notice_still;
use super::{in_words, show};
use crate::charter_files;

/// List the versions and notices that wait for signatures
///
/// What a member signs reaches the other members' nodes by itself. Write one of them to a file with
/// the beginning of its hash, take that to where your root key is, sign it, and hand it to your node
/// with `kentong charter install`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong charter votes
  kentong charter votes 5cb1 -o draft
  kentong charter sign draft --root-key /media/stick/root.key -o MY.signed
  kentong charter install MY.signed")]
pub(in super::super) struct VotesArgs {
    /// The beginning of the hash of one of them: write it out.
    #[arg(value_name = "HASH")]
    hash: Option<String>,
    /// Where to write it; otherwise to standard output.
    #[arg(short, long, value_name = "FILE", requires = "hash")]
    output: Option<PathBuf>,
}

/// Something that waits for signatures.
struct Waiting {
    hash: String,
    words: String,
    row: serde_json::Value,
    bytes: Vec<u8>,
}

impl VotesArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        let Some(papers) = charter_files::papers(&home)? else {
            bail!("no charter is installed here; see `kentong charter install --help`");
        };
        let waiting = waiting(&papers);
        if let Some(hash) = &self.hash {
            let hash = hash.to_ascii_lowercase();
            let mut found = waiting.iter().filter(|one| one.hash.starts_with(&hash));
            let (Some(one), None) = (found.next(), found.next()) else {
                bail!(
                    "{hash} is not the beginning of exactly one hash; see them with `kentong \
                     charter votes`"
                );
            };
            place.write(self.output.as_deref(), &one.bytes)?;
            return Ok(Outcome::Done);
        }
        if waiting.is_empty() {
            if !place.json() {
                place.say("Nothing waits for signatures.")?;
            }
            return Ok(Outcome::Nothing);
        }
        if place.json() {
            for one in &waiting {
                place.emit(&serde_json::json!({ "waits": one.row }))?;
            }
            return Ok(Outcome::Done);
        }
        let words: Vec<_> = waiting
            .iter()
            .map(|one| format!("{}\n{}", one.hash, one.words))
            .collect();
        place.say(words.join("\n\n"))?;
        Ok(Outcome::Done)
    }
}

/// What may still come into force and is not.
fn waiting(papers: &Papers) -> Vec<Waiting> {
    let chain = papers.chain();
    let versions = papers.ballots().iter();
    let versions = versions.filter_map(|vote| version(chain, vote));
    let notices = papers.open_notices().iter();
    versions
        .chain(notices.filter_map(|open| notice(chain, open)))
        .collect()
}

fn version(chain: &Chain, vote: &UnverifiedCharter) -> Option<Waiting> {
    let terms = vote.terms();
    let in_force = chain.in_force().terms();
    let later = (terms.version(), terms.round()) > (in_force.version(), in_force.round());
    let tally = chain.tally(vote).ok().filter(|_| later)?;
    tally.unmet()?;
    let (hash, signed) = (vote.hash().to_string(), vote.signers());
    let (version, round) = (terms.version(), terms.round());
    Some(Waiting {
        words: format!(
            "Version {version}, round {round}, signed by {}.\n{}",
            list(signed.iter()),
            in_words(&tally)
        ),
        row: serde_json::json!({
            "hash": hash, "version": version, "round": round,
            "signed": signed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        hash,
        bytes: vote.bytes().to_vec(),
    })
}

fn notice(chain: &Chain, open: &UnverifiedNotice) -> Option<Waiting> {
    let (signed, _) = open.signers(chain).ok()?;
    let hash = open.hash().to_string();
    Some(Waiting {
        words: format!(
            "{} Signed by {}.\n{}",
            show::notice_in_words(open),
            list(signed.iter()),
            notice_still(chain, open)
        ),
        row: serde_json::json!({
            "hash": hash, "about": open.terms().member.to_string(),
            "signed": signed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        hash,
        bytes: open.bytes().to_vec(),
    })
}

/// Members in a sentence.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a MemberName>) -> String {
    let names: Vec<_> = names.map(MemberName::as_str).collect();
    if names.is_empty() {
        return "nobody".to_owned();
    }
    names.join(", ")
}
