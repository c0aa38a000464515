//! `kentong charter draft`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_keys::{MemberName, random_bytes};
use kentong_protocol::charter::{
    Action, Chain, Charter, Draft, FederationName, GroupName, UnverifiedCharter,
};
use kentong_protocol::directory::Bundle;
use kentong_protocol::time::Timestamp;

use super::super::Outcome;
use super::super::fields::moment;
use super::super::workplace::{Workplace, read_foreign};
use super::enclosed::{Enclosed, Listed, plural};
use super::votes::list;
use super::{in_words, installed, now, with_next_step};

/// Write the first charter, or the next version of the one in force
///
/// With --federation, for the members whose cards are given; give your own card too. It is in
/// force nowhere until all of them have signed it. Otherwise the version after the one in force
/// here, with what you say changed and all else as it is. The draft holds the cards that you give, for
/// those who install it. This node keeps the card of a member that you admit, and uses it once a version
/// that lists the member is in force.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong charter draft --federation ASEAN MY.card SG.card TH.card --group mekong=TH,VN -o draft
  kentong charter draft --admit VN.card -o draft
  kentong charter draft --remove TH -o draft
  kentong charter draft --expires 2030-01-01 --threshold remove=9 -o draft
  kentong charter draft --statements-per-day 10000000 -o draft")]
pub(in super::super) struct DraftArgs {
    /// The name of a new federation: letters, digits and hyphens.
    #[arg(long, value_name = "NAME", requires = "files")]
    federation: Option<FederationName>,
    /// The members' cards, your own among them.
    #[arg(value_name = "FILE.card", requires = "federation")]
    files: Vec<PathBuf>,
    /// Let these members in. Stops once the charter has expired.
    #[arg(long, value_name = "FILE.card", num_args = 1.., conflicts_with = "federation")]
    admit: Vec<PathBuf>,
    /// Remove these members, as in TH,VN. They have no vote on it.
    #[arg(
        long,
        value_name = "MEMBERS",
        value_delimiter = ',',
        conflicts_with = "federation"
    )]
    remove: Vec<MemberName>,
    /// Replace the root key of a member that lost it, by that on this card. Takes as many votes as
    /// to remove it and to admit it again; the old key has none.
    #[arg(long, value_name = "FILE.card", num_args = 1.., conflicts_with = "federation")]
    rekey: Vec<PathBuf>,
    /// Show a member by another name, as in "TH=Royal Thai Police".
    #[arg(long, value_name = "MEMBER=NAME", conflicts_with = "federation")]
    rename: Vec<Renamed>,
    /// A group of members that markings and policies can name, as in mekong=TH,VN; in a next
    /// version these and no others are in it. May be given several times.
    #[arg(long, value_name = "NAME=MEMBERS")]
    group: Vec<Group>,
    /// How many members an action takes, as in remove=9: admit, amend, remove or suspend.
    /// Otherwise as before: two thirds of them, for a suspension a third.
    #[arg(long, value_name = "ACTION=COUNT")]
    threshold: Vec<Threshold>,
    /// When the charter stops admitting members, as in 2030-01-01; data keeps flowing. Otherwise
    /// never, or as before.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires: Option<Timestamp>,
    /// How many statements a publisher may release to a reader in a day, which its readers are ready to
    /// take. What is new and goes beyond waits at its node. Otherwise 5000000, or as before.
    #[arg(long, value_name = "NUMBER")]
    statements_per_day: Option<u64>,
    /// How many bytes of a publisher's leaves and bodies each reader is ready to keep, those that were
    /// erased too. Otherwise 64 GiB, or as before.
    #[arg(long, value_name = "BYTES")]
    stored_bytes: Option<u64>,
    /// The round of voting, if documents of earlier rounds did not get votes enough.
    #[arg(long, value_name = "NUMBER", conflicts_with = "federation")]
    round: Option<u32>,
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

/// A member and the name by which it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Renamed {
    member: MemberName,
    display_name: String,
}

impl FromStr for Renamed {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (member, display_name) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("write it as MEMBER=NAME, as in \"MY=Malaysia\""))?;
        Ok(Self {
            member: member.parse()?,
            display_name: display_name.to_owned(),
        })
    }
}

/// An action and how many members it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Threshold {
    action: Action,
    members: u16,
}

impl FromStr for Threshold {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (action, members) = text.split_once('=')?;
            let mut all = Action::ALL.into_iter();
            Some(Self {
                action: all.find(|known| known.to_string() == action)?,
                members: members.parse().ok()?,
            })
        };
        read().ok_or_else(|| {
            anyhow!("write it as ACTION=COUNT, as in remove=9; the actions are admit, amend, remove, suspend")
        })
    }
}

impl DraftArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        match self.federation.clone() {
            Some(federation) => {
                let cards = cards(&self.files)?;
                let charter = self.first(federation, &cards)?;
                let listed = Enclosed::of(cards).listed(charter.terms());
                let next = "Next: every member signs it with `kentong charter sign`.";
                self.hand_out(&charter, &listed, next, place)
            }
            None => self.next(place),
        }
    }

    /// Drafts the version after the one in force.
    fn next(&self, place: &Workplace) -> Result<Outcome> {
        let (home, chain) = installed(place)?;
        let (admit, rekey) = (cards(&self.admit)?, cards(&self.rekey)?);
        let charter = built(self.after(chain.in_force(), &admit, &rekey)?)?;
        let tally = chain
            .may_vote(&charter, now()?)
            .map_err(|error| with_next_step(&error))?;
        refuse_impossible(&chain, &charter)?;
        let listed = Enclosed::of([admit, rekey].concat()).listed(charter.terms());
        let kept = listed.await_version(&home, &chain, charter.terms(), place)?;
        place.advise(in_words(&tally))?;
        if !kept.is_empty() {
            place.advise(format_args!(
                "This node keeps the member file{} of {}, for when this version is in force.",
                plural(&kept),
                list(kept.iter())
            ))?;
        }
        let next = "Next: sign it with `kentong charter sign`. Your node passes it on, and the others \
                    find it by `kentong charter votes`.";
        self.hand_out(&charter, &listed, next, place)
    }

    /// Writes the draft with the member files that were given.
    fn hand_out(
        &self,
        charter: &UnverifiedCharter,
        listed: &Listed,
        next: &str,
        place: &Workplace,
    ) -> Result<Outcome> {
        let text = listed.behind(charter)?;
        place.write(self.output.as_deref(), text.as_bytes())?;
        place.advise(format_args!("Its hash: {}\n{next}", charter.hash()))?;
        Ok(Outcome::Done)
    }

    fn first(&self, federation: FederationName, cards: &[Bundle]) -> Result<UnverifiedCharter> {
        let mut groups: BTreeMap<MemberName, Vec<GroupName>> = BTreeMap::new();
        for group in &self.group {
            for member in &group.members {
                groups
                    .entry(member.clone())
                    .or_default()
                    .push(group.name.clone());
            }
        }
        let mut draft = Draft::new(federation, random_bytes(), now()?);
        for file in cards {
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
        built(self.terms(draft))
    }

    /// The version after the one in force, with what was asked for.
    fn after(&self, current: &Charter, admit: &[Bundle], rekey: &[Bundle]) -> Result<Draft> {
        let listed = |name: &MemberName| match current.member(name) {
            Some(_) => Ok(()),
            None => Err(anyhow!(
                "{name} is not a member by the charter in force; see `kentong charter show`"
            )),
        };
        let mut draft = Draft::after(current, now()?);
        for name in &self.remove {
            listed(name)?;
            draft = draft.without(name);
        }
        for file in admit {
            let name = file.member();
            if current.member(name).is_some() {
                bail!(
                    "{name} is a member already; `kentong peers add` takes a newer card of it, and \
                     --rekey replaces the root key of one that lost it"
                );
            }
            draft = draft.member(name.clone(), file.display_name(), *file.root(), []);
        }
        for file in rekey {
            listed(file.member())?;
            draft = draft.rekey(file.member(), *file.root());
        }
        for renamed in &self.rename {
            listed(&renamed.member)?;
            draft = draft.rename(&renamed.member, &renamed.display_name);
        }
        draft = self.regrouped(draft, current, admit)?;
        if let Some(round) = self.round {
            draft = draft.round(round);
        }
        Ok(self.terms(draft))
    }

    /// Puts members into the groups that were given, and out of those if they are not named.
    fn regrouped(&self, mut draft: Draft, current: &Charter, admit: &[Bundle]) -> Result<Draft> {
        let mut names: BTreeSet<MemberName> = current.members().keys().cloned().collect();
        names.extend(admit.iter().map(|file| file.member().clone()));
        for group in &self.group {
            draft = draft.group(group.name.clone());
            if let Some(stranger) = group.members.iter().find(|name| !names.contains(*name)) {
                bail!(
                    "{stranger} is named in a group, but is no member; see `kentong charter show`"
                );
            }
        }
        if self.group.is_empty() {
            return Ok(draft);
        }
        for name in &names {
            let before = current.member(name).map(|member| member.groups().clone());
            let mut groups = before.unwrap_or_default();
            for group in &self.group {
                if group.members.contains(name) {
                    groups.insert(group.name.clone());
                } else {
                    groups.remove(&group.name);
                }
            }
            draft = draft.regroup(name, &Vec::from_iter(groups));
        }
        Ok(draft)
    }

    fn terms(&self, mut draft: Draft) -> Draft {
        for Threshold { action, members } in &self.threshold {
            draft = draft.threshold(*action, *members);
        }
        let mut quota = draft.present_quota();
        quota.statements_per_day = self.statements_per_day.unwrap_or(quota.statements_per_day);
        quota.stored_bytes = self.stored_bytes.unwrap_or(quota.stored_bytes);
        draft = draft.quota(quota);
        match self.expires {
            Some(expires) => draft.expires(expires),
            None => draft,
        }
    }
}

fn cards(paths: &[PathBuf]) -> Result<Vec<Bundle>> {
    let card = |path: &PathBuf| {
        Bundle::parse(&read_foreign(path, Bundle::MAX_LEN)?)
            .map_err(|error| anyhow!("{}: {error}; ask for it again", path.display()))
    };
    paths.iter().map(card).collect()
}

fn built(draft: Draft) -> Result<UnverifiedCharter> {
    draft
        .build()
        .map_err(|error| anyhow!("no charter can be drafted: {error}; correct what was given"))
}

/// A draft that can never be in force is not handed out.
fn refuse_impossible(chain: &Chain, charter: &UnverifiedCharter) -> Result<()> {
    let tally = chain
        .tally(charter)
        .map_err(|error| with_next_step(&error))?;
    match tally.needs().iter().find(|need| !need.can_be_met()) {
        None => Ok(()),
        Some(need) => bail!(
            "no charter can be drafted: to {} takes {} members by version {}, and {} alone may sign, \
             since who is removed has no vote; remove fewer, or found another federation without \
             them",
            need.action,
            need.needed,
            need.by,
            need.signed.len() + need.open.len()
        ),
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

    #[test]
    fn thresholds_and_names_are_read() {
        let threshold: Threshold = "remove=9".parse().unwrap();
        assert_eq!((threshold.action, threshold.members), (Action::Remove, 9));
        for wrong in ["remove", "remove=", "remove=-1", "expel=3", "remove=99999"] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
        let renamed: Renamed = "MY=A=B".parse().unwrap();
        assert_eq!(renamed.display_name, "A=B");
        assert!("my=x".parse::<Renamed>().is_err());
        assert!("MY".parse::<Renamed>().is_err());
    }
}
