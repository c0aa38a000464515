//! `kentong charter show`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use kentong_protocol::charter::UnverifiedCharter;

use super::super::Outcome;
use super::super::output::{lines, plain, table};
use super::super::workplace::Workplace;
use super::read;

/// Show a charter, and who has signed it
///
/// Without a file, the one in force here.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong charter show
  kentong charter show draft")]
pub(in super::super) struct ShowArgs {
    /// A draft or a charter.
    file: Option<PathBuf>,
}

impl ShowArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let path = match self.file {
            Some(path) => path,
            None => place.home()?.charter(),
        };
        if !path.exists() {
            bail!(
                "there is no {}; name the file of a charter, or install one",
                path.display()
            );
        }
        let charter = read(&path)?;
        if place.json() {
            place.emit(&for_programs(&charter))?;
        } else {
            place.say(for_people(&charter))?;
        }
        Ok(Outcome::Done)
    }
}

fn signed(charter: &UnverifiedCharter, member: &kentong_keys::MemberName) -> &'static str {
    if charter.wrong().contains(member) {
        "wrong"
    } else if charter.missing().contains(member) {
        "no"
    } else {
        "yes"
    }
}

fn for_programs(charter: &UnverifiedCharter) -> serde_json::Value {
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
        "hash": charter.hash().to_string(),
        "drafted": terms.drafted().to_string(),
        "expires": terms.expires().map(|time| time.to_string()),
        "members": members.collect::<Vec<_>>(),
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
    let thresholds = terms.thresholds();
    format!(
        "{}, version {}, drafted {}, {until}\nhash {}\nadmit {}, amend {}, remove {}, suspend {} \
         of {} members\n\n{}",
        terms.federation(),
        terms.version(),
        terms.drafted(),
        charter.hash(),
        thresholds.admit,
        thresholds.amend,
        thresholds.remove,
        thresholds.suspend,
        terms.members().len(),
        lines(&table)
    )
}
