//! `kentong charter draft`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_keys::{MemberName, random_bytes};
use kentong_protocol::charter::{Draft, FederationName, GroupName};
use kentong_protocol::directory::Bundle;
use kentong_protocol::time::Timestamp;

use super::super::Outcome;
use super::super::fields::moment;
use super::super::workplace::{Workplace, read_foreign};

/// Write a charter for the members whose cards are given
///
/// Give your own card too. The draft is in force nowhere until all of them have signed it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong charter draft --federation ASEAN MY.card SG.card TH.card --group mekong=TH,VN -o draft")]
pub(in super::super) struct DraftArgs {
    /// The federation's name: letters, digits and hyphens.
    #[arg(long, value_name = "NAME")]
    federation: FederationName,
    /// The members' cards, your own among them.
    #[arg(required = true, value_name = "FILE.card")]
    files: Vec<PathBuf>,
    /// A group of members that markings and policies can name, as in mekong=TH,VN. May be given
    /// several times.
    #[arg(long, value_name = "NAME=MEMBERS")]
    group: Vec<Group>,
    /// When the charter stops admitting members, as in 2030-01-01; data keeps flowing. Otherwise
    /// never.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires: Option<Timestamp>,
    /// Where to write the draft; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A group and who is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: GroupName,
    members: Vec<MemberName>,
}

impl FromStr for Group {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, members) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("write it as NAME=MEMBERS, as in mekong=TH,VN"))?;
        let name = name.parse()?;
        let members = members.split(',').map(|member| Ok(member.trim().parse()?));
        Ok(Self {
            name,
            members: members.collect::<Result<_>>()?,
        })
    }
}

impl DraftArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let mut groups: BTreeMap<MemberName, Vec<GroupName>> = BTreeMap::new();
        for group in &self.group {
            for member in &group.members {
                groups
                    .entry(member.clone())
                    .or_default()
                    .push(group.name.clone());
            }
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now
            .ok()
            .and_then(|passed| Timestamp::from_seconds(passed.as_secs()));
        let Some(now) = now else {
            bail!("the clock was never set; set it, then try again")
        };
        let mut draft = Draft::new(self.federation, random_bytes(), now);
        for path in &self.files {
            let file = Bundle::parse(&read_foreign(path, Bundle::MAX_LEN)?)
                .map_err(|error| anyhow!("{}: {error}; ask for it again", path.display()))?;
            let its = groups.remove(file.member()).unwrap_or_default();
            draft = draft.member(
                file.member().clone(),
                file.display_name(),
                *file.root(),
                its,
            );
        }
        if let Some(member) = groups.keys().next() {
            bail!("{member} is named in a group, but its card is not given; give it too");
        }
        if let Some(expires) = self.expires {
            draft = draft.expires(expires);
        }
        let charter = draft.build().map_err(|error| {
            anyhow!("no charter can be drafted: {error}; correct what was given")
        })?;
        place.write(self.output.as_deref(), charter.bytes())?;
        place.advise(format_args!(
            "Its hash: {}\nNext: every member signs it with `kentong charter sign`.",
            charter.hash()
        ))?;
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read() {
        let check = |text: &str, expected: Result<(&str, usize), &str>| match (
            text.parse::<Group>(),
            expected,
        ) {
            (Ok(group), Ok((name, count))) => {
                assert_eq!((group.name.as_str(), group.members.len()), (name, count));
            }
            (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
            (found, expected) => panic!("{text}: {found:?} instead of {expected:?}"),
        };
        check("mekong=TH,VN", Ok(("mekong", 2)));
        check("mekong=TH, VN", Ok(("mekong", 2)));
        check("mekong", Err("as in mekong=TH,VN"));
        check("Mekong=TH", Err("not allowed"));
    }
}
