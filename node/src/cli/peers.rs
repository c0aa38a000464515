//! `kentong peers`.

mod firewall;
mod heads;
mod packet_filter;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand};
use kentong_protocol::MemberName;
use kentong_protocol::charter::Charter;
use kentong_protocol::directory::Bundle;
use serde::Serialize;

use super::Outcome;
use super::output::{lines, plain, table};
use super::workplace::{Workplace, read_foreign};
use crate::charter_files;
use crate::control::reply::{BrokenRule, Peer, Reply};
use crate::control::request::Request;
use crate::home::Home;
use crate::member_file::{self, Unlisted};
use crate::turn::Wait;

/// List the other members, load their files, sever one, or let only them reach the node
///
/// Without more, how the node stands with each member of the charter.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong peers
  kentong peers add SG.card TH.card
  kentong peers sever TH
  kentong peers firewall > kentong.nft")]
pub(super) struct PeersArgs {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Load the member files that other members sent
    ///
    /// A card that is older than the one held is passed over. Who belongs to the federation is
    /// said by the charter, not by cards.
    Add {
        /// What `kentong card` printed at the other members' nodes.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    Firewall(firewall::FirewallArgs),
    Heads(heads::HeadsArgs),
    /// Stop speaking to a member, at this node alone and at once
    ///
    /// It gets nothing more from here and is not let in, whatever the charter says; it keeps what it
    /// has. The other members are not told, and nothing changes between them. What takes it out of
    /// the federation for all is `kentong charter suspend` and `kentong charter draft --remove`.
    Sever {
        /// The member, as in TH.
        #[arg(value_name = "MEMBER")]
        member: MemberName,
    },
    /// Speak to a severed member again
    Unsever {
        /// The member, as in TH.
        #[arg(value_name = "MEMBER")]
        member: MemberName,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Row {
    Added {
        member: String,
        name: String,
        root: String,
        news: bool,
    },
    Severed {
        members: Vec<String>,
    },
}

impl PeersArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        match self.what {
            None => list(place),
            Some(What::Add { files }) => add(&files, place),
            Some(What::Firewall(args)) => args.run(place),
            Some(What::Heads(args)) => args.run(place),
            Some(What::Sever { member }) => sever(&member, place),
            Some(What::Unsever { member }) => unsever(&member, place),
        }
    }
}

fn list(place: &Workplace) -> Result<Outcome> {
    let (rows, done) = place.ask(Request::Peers)?;
    let outcome = if rows.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Done
    };
    if place.json() {
        place.emit_all(&rows, done)?;
        return Ok(outcome);
    }
    if rows.is_empty() {
        place.say("No members yet: install a charter with `kentong charter install`.")?;
        return Ok(outcome);
    }
    let mut table = table(&[
        "MEMBER",
        "NAME",
        "STATE",
        "HEARD",
        "INDICATORS",
        "MISSING",
        "GROUPS",
    ]);
    for row in &rows {
        if let Reply::Peer(peer) = row {
            table.add_row(cells(peer));
        }
    }
    place.say(lines(&table))?;
    Ok(outcome)
}

fn cells(peer: &Peer) -> [String; 7] {
    let mut state = match &peer.why {
        Some(why) => format!("{}: {}", peer.state, plain(why)),
        None => peer.state.to_string(),
    };
    for BrokenRule { rule, times } in &peer.faults {
        state.push_str(&format!("; broke a rule {times} times: {}", plain(rule)));
    }
    [
        peer.member.clone(),
        plain(&peer.name),
        state,
        peer.heard.clone().unwrap_or_default(),
        peer.statements.to_string(),
        peer.missing.to_string(),
        peer.groups.join(","),
    ]
}

fn add(files: &[PathBuf], place: &Workplace) -> Result<Outcome> {
    let home = place.home()?;
    let me = place.config()?.member;
    let charter = charter_of(&home)?;
    let mut checked = Vec::new();
    for path in files {
        let bytes = read_foreign(path, Bundle::MAX_LEN)?;
        let at = |error: &dyn std::fmt::Display| anyhow!("{}: {error}", path.display());
        let file = Bundle::parse(&bytes)
            .map_err(|error| at(&format_args!("{error}; ask for it again")))?;
        check_root(&file, charter.as_ref(), &home).map_err(|error| at(&error))?;
        checked.push(file);
    }
    for file in checked
        .iter()
        .filter(|file| Some(file.member()) != me.as_ref())
    {
        let news = keep(&home, file)?;
        let (name, root) = (file.display_name(), file.root_key());
        if place.json() {
            place.emit(&Row::Added {
                member: file.member().to_string(),
                name: name.to_owned(),
                root: root.to_string(),
                news,
            })?;
        } else {
            let held = if news {
                ""
            } else {
                " (nothing newer than what is held)"
            };
            place.say(format_args!(
                "{} {}{held}\n  {root}",
                file.member(),
                plain(name)
            ))?;
        }
    }
    if charter.is_none() {
        place.advise(
            "Compare these root keys with the members by voice before signing a charter.",
        )?;
    }
    place.reload_members()?;
    Ok(Outcome::Done)
}

fn sever(member: &MemberName, place: &Workplace) -> Result<Outcome> {
    let home = place.home()?;
    let charter = charter_of(&home)?;
    if charter.is_none_or(|charter| charter.member(member).is_none()) {
        bail!("{member} is not a member by the installed charter; see `kentong charter show`");
    }
    if place.config()?.member.as_ref() == Some(member) {
        bail!("{member} is this node's own member; to leave, see `kentong charter leave --help`");
    }
    change_severed(place, |severed| severed.insert(member.clone()))?;
    if !place.json() {
        place.say(format_args!(
            "{member} is severed from this node; `kentong peers unsever {member}` takes it back."
        ))?;
    }
    Ok(Outcome::Done)
}

fn unsever(member: &MemberName, place: &Workplace) -> Result<Outcome> {
    let listed = |severed: &BTreeSet<MemberName>| severed.contains(member);
    if !listed(&charter_files::severed(&place.home()?)?) {
        bail!("{member} is not severed; see `kentong peers`");
    }
    change_severed(place, |severed| severed.remove(member))?;
    if !place.json() {
        place.say(format_args!("{member} is spoken to again."))?;
    }
    Ok(Outcome::Done)
}

fn change_severed(
    place: &Workplace,
    change: impl FnOnce(&mut BTreeSet<MemberName>) -> bool,
) -> Result<()> {
    let (_, severed) = charter_files::change_severed(&place.home()?, change)?;
    if place.json() {
        let members = severed.iter().map(ToString::to_string).collect();
        place.emit(&Row::Severed { members })?;
    }
    place.reload_members()
}

/// The installed charter.
fn charter_of(home: &Home) -> Result<Option<Charter>> {
    let chain = charter_files::chain(home)?;
    Ok(chain.map(|chain| chain.in_force().clone()))
}

/// Refuses a file with another root key than the charter gives, or than the file that is held.
fn check_root(file: &Bundle, charter: Option<&Charter>, home: &Home) -> Result<()> {
    let member = file.member();
    if let Some(charter) = charter {
        return member_file::check(file, charter.terms()).map_err(|error| match error {
            Unlisted::Stranger(_) => anyhow!(
                "{error}; see `kentong charter show`, and `kentong charter draft --help` to admit it"
            ),
            Unlisted::OtherRoot(_) => error.into(),
        });
    }
    if held(home, member).is_some_and(|held| held.root() != file.root()) {
        bail!(
            "its root key is not that of the file held for {member}; ask {member} by voice, and \
             if the new one is right remove {member}.card from {}",
            home.members().display()
        );
    }
    Ok(())
}

fn held(home: &Home, member: &MemberName) -> Option<Bundle> {
    member_file::held(&home.members(), member)
}

/// Keeps a member's file unless it is not newer than what is held; true if it is news.
pub(super) fn keep(home: &Home, file: &Bundle) -> Result<bool> {
    Ok(member_file::keep(&home.members(), file, Wait::ASecond)?)
}
