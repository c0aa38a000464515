//! `kentong charter show`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use kentong_protocol::MemberName;
use kentong_protocol::charter::{Chain, Membership, Says, UnverifiedCharter, UnverifiedNotice};

use super::super::Outcome;
use super::super::output::{lines, plain, table};
use super::super::workplace::Workplace;
use super::document::{self, Document};
use super::now;
use crate::charter_files;
use crate::home::Home;

/// Show a charter or a notice, and who has signed it
///
/// Without a file, the charter in force here, and who of its members is not in force. Not everybody
/// must have signed a later version: `kentong charter diff` says how many it takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong charter show
  kentong charter show draft")]
pub(in super::super) struct ShowArgs {
    /// A draft, a charter or a notice.
    file: Option<PathBuf>,
}

impl ShowArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let Some(path) = self.file else {
            let home = place.home()?;
            let Some(chain) = charter_files::chain(&home)? else {
                bail!(
                    "there is no {}; name the file of a charter, or install one",
                    home.charter().display()
                );
            };
            let charter = UnverifiedCharter::parse(chain.in_force().note().bytes())?;
            let out = not_in_force(&home, &chain)?;
            if place.json() {
                place.emit(&for_programs(&charter, &out))?;
            } else {
                let mut text = for_people(&charter);
                for (name, why) in out {
                    text.push_str(&format!("\n{name} {why}."));
                }
                place.say(text)?;
            }
            return Ok(Outcome::Done);
        };
        if !path.exists() {
            bail!(
                "there is no {}; name the file of a charter, or install one",
                path.display()
            );
        }
        if let Document::Notice(notice) = document::read(&path)? {
            if place.json() {
                place.emit(&notice_for_programs(&notice))?;
            } else {
                place.say(notice_in_words(&notice))?;
            }
            return Ok(Outcome::Done);
        }
        let charter = document::charter(&path)?;
        if place.json() {
            place.emit(&for_programs(&charter, &[]))?;
        } else {
            place.say(for_people(&charter))?;
        }
        Ok(Outcome::Done)
    }
}

/// The members that are listed but not in force, and why.
fn not_in_force(home: &Home, chain: &Chain) -> Result<Vec<(MemberName, String)>> {
    let notices = charter_files::notices(home, chain)?;
    let severed = charter_files::severed(home)?;
    let now = now()?;
    let listed = chain.in_force().members().keys();
    let out = listed.filter_map(|name| {
        let why = match notices.membership(name, chain, now) {
            Membership::Left { since } => format!("has left, since {since}"),
            Membership::Suspended { until } => format!("is suspended until {until}"),
            _ if severed.contains(name) => "is severed by this node".to_owned(),
            Membership::InForce | Membership::Stranger => return None,
        };
        Some((name.clone(), why))
    });
    Ok(out.collect())
}

/// What a notice says, for people.
pub(super) fn notice_in_words(notice: &UnverifiedNotice) -> String {
    let terms = notice.terms();
    let (member, from, version) = (&terms.member, terms.from, terms.version);
    let says = match terms.says {
        Says::Leaves => format!("{member} leaves the federation from {from} on"),
        Says::Suspended { until } => format!("{member} is suspended from {from} until {until}"),
    };
    format!(
        "{says}, by the charter of version {version} ({}).",
        terms.charter.short()
    )
}

fn notice_for_programs(notice: &UnverifiedNotice) -> serde_json::Value {
    let terms = notice.terms();
    let (says, until) = match terms.says {
        Says::Leaves => ("leave", None),
        Says::Suspended { until } => ("suspend", Some(until.to_string())),
    };
    serde_json::json!({ "notice": {
        "member": terms.member.to_string(),
        "says": says,
        "from": terms.from.to_string(),
        "until": until,
        "version": terms.version,
        "charter": terms.charter.to_string(),
        "hash": notice.hash().to_string(),
    }})
}

fn signed(charter: &UnverifiedCharter, member: &MemberName) -> &'static str {
    if charter.wrong().contains(member) {
        "wrong"
    } else if charter.missing().contains(member) {
        "no"
    } else {
        "yes"
    }
}

fn for_programs(charter: &UnverifiedCharter, out: &[(MemberName, String)]) -> serde_json::Value {
    let terms = charter.terms();
    let members = terms.members().iter().map(|(name, member)| {
        serde_json::json!({
            "member": name.to_string(),
            "name": member.display_name(),
            "root": member.root().to_string(),
            "groups": member.groups(),
            "signed": signed(charter, name),
        })
    });
    serde_json::json!({ "charter": {
        "federation": terms.federation(),
        "version": terms.version(),
        "round": terms.round(),
        "previous": terms.previous().map(ToString::to_string),
        "hash": charter.hash().to_string(),
        "drafted": terms.drafted().to_string(),
        "expires": terms.expires().map(|time| time.to_string()),
        "quota": {
            "statements_per_day": terms.quota().statements_per_day,
            "stored_bytes": terms.quota().stored_bytes,
        },
        "members": members.collect::<Vec<_>>(),
        "not_in_force": out
            .iter()
            .map(|(name, why)| serde_json::json!({ "member": name.to_string(), "why": why }))
            .collect::<Vec<_>>(),
    }})
}

fn for_people(charter: &UnverifiedCharter) -> String {
    let terms = charter.terms();
    let mut table = table(&["MEMBER", "NAME", "SIGNED", "GROUPS", "ROOT KEY"]);
    for (name, member) in terms.members() {
        let groups: Vec<_> = member.groups().iter().map(ToString::to_string).collect();
        table.add_row([
            name.to_string(),
            plain(member.display_name()),
            signed(charter, name).to_owned(),
            groups.join(","),
            member.root().to_string(),
        ]);
    }
    let until = match terms.expires() {
        Some(time) => format!("admits members until {time}"),
        None => "does not expire".to_owned(),
    };
    let round = match terms.round() {
        1 => String::new(),
        round => format!(", round {round}"),
    };
    let thresholds = terms.thresholds();
    format!(
        "{}, version {}{round}, drafted {}, {until}\nhash {}\nadmit {}, amend {}, remove {}, suspend {} \
         of {} members\na publisher may release {} statements a day to a reader, who keeps {} bytes of it at \
         most\n\n{}",
        terms.federation(),
        terms.version(),
        terms.drafted(),
        charter.hash(),
        thresholds.admit,
        thresholds.amend,
        thresholds.remove,
        thresholds.suspend,
        terms.members().len(),
        terms.quota().statements_per_day,
        terms.quota().stored_bytes,
        lines(&table)
    )
}
