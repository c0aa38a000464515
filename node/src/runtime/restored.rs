//! A node that does not know what it signed last: its signer state is lost, or the log holds more than
//! that says was signed. [`History`](kentong_protocol::member::history::History) decides when it does
//! again; here an operator is told what is waited for.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::GoAhead;
use kentong_protocol::MemberName;
use kentong_protocol::member::history::{Asking, NoGoAhead, Unfinished, Why};

use crate::control::refused::Refused;
use crate::control::reply::{self, Done};

use super::core::Core;

/// The most feeds, and the most groups of readers, that an operator is shown.
const SHOWN: usize = 20;

impl Core {
    /// The root key's word that publishing is to go on by what was found.
    pub(super) fn go_ahead(&mut self, note: &str) -> Result<Done, Refused> {
        let invalid = Refused::GoAhead;
        let stopped = |why: &str| invalid(format!("publishing is halted: {why}"));
        if self.member.history().asking().is_none() {
            return Err(Refused::NoGoAhead);
        }
        let charter = self.member.members().charter();
        let root = charter.and_then(|charter| Some(charter.member(&self.me)?.root()));
        let root = root.ok_or_else(|| {
            invalid("this node's charter does not list its member, so nobody could be asked".into())
        })?;
        let opened = GoAhead::open(note.as_bytes(), &self.me, root);
        let opened = opened.map_err(|error| invalid(error.to_string()))?;
        let settled = self.deciding(|member, lent| member.go_ahead(opened.terms(), lent));
        settled.map_err(|refused| match refused {
            NoGoAhead::NotAsked => Refused::NoGoAhead,
            NoGoAhead::Other(this) => invalid(format!(
                "the go-ahead is for recovery {}, and this is {this}",
                opened.terms().recovery
            )),
            NoGoAhead::Stopped(why) => stopped(&why),
        })?;
        match self.member.history().stopped() {
            Some(why) => Err(stopped(why)),
            None => Ok(Done {
                count: 1,
                ..Done::default()
            }),
        }
    }

    /// What the recovery waits for, for an operator.
    pub(super) fn recovery(&self) -> Option<reply::Recovery> {
        let to_take_in = self.member.history().to_load_first();
        let Some(asking) = self.member.history().asking() else {
            return (to_take_in > 0).then(|| reply::Recovery {
                id: None,
                federation: None,
                why: "what came back is taken into our own answers".to_owned(),
                heard: Vec::new(),
                waits: Vec::new(),
                to_come: Vec::new(),
                to_take_in,
            });
        };
        let charter = self.member.members().charter();
        let ours = self.member.ours();
        let to_come = asking.unfinished(&ours).into_iter().take(SHOWN);
        Some(reply::Recovery {
            id: Some(asking.recovery().to_string()),
            federation: charter.map(|charter| charter.id().digest().to_string()),
            why: asking.why().to_owned(),
            heard: asking.heard().iter().map(ToString::to_string).collect(),
            waits: self.waits(asking).into_iter().take(SHOWN).collect(),
            to_come: to_come.map(|one| to_come_back(asking, one)).collect(),
            to_take_in,
        })
    }

    /// The groups of readers of whom not enough were heard, each with the feeds that they read.
    fn waits(&self, asking: &Asking) -> Vec<reply::Wait> {
        let mut groups: BTreeMap<BTreeSet<MemberName>, reply::Wait> = BTreeMap::new();
        let ours = self.member.ours();
        for (feed, quorum) in asking.quorums(&self.member.can_be_asked(self.wall()), &ours) {
            if quorum.is_met() {
                continue;
            }
            let names = |list: &mut dyn Iterator<Item = &MemberName>| {
                list.map(ToString::to_string).collect::<Vec<_>>()
            };
            let wait = groups
                .entry(quorum.readers().clone())
                .or_insert_with(|| reply::Wait {
                    feeds: Vec::new(),
                    needed: quorum.needed() as u64,
                    heard: names(&mut quorum.heard().iter()),
                    silent: names(&mut quorum.silent()),
                });
            wait.feeds.extend(feed.map(|feed| feed.to_string()));
        }
        groups.into_values().collect()
    }

    /// What an operator is told who asks for something to be published meanwhile.
    pub(super) fn waits_for_readers(&self) -> Option<Refused> {
        let silent: BTreeSet<String> = match self.member.history().may_say() {
            Err(Why::Unknown) => {
                let asking = self.member.history().asking().into_iter();
                let waits = asking.flat_map(|asking| self.waits(asking).into_iter().take(SHOWN));
                waits.flat_map(|wait| wait.silent).collect()
            }
            Err(Why::Loading { .. }) => BTreeSet::new(),
            Ok(()) | Err(Why::Stopped(_) | Why::Incomplete | Why::NoReaderYet) => return None,
        };
        Some(Refused::Recovering {
            silent: silent.into_iter().collect(),
        })
    }
}

fn to_come_back(asking: &Asking, one: Unfinished) -> reply::ToCome {
    reply::ToCome {
        feed: one.feed.to_string(),
        leaves: one.held,
        shown: one.shown,
        by: asking.shown_of(one.feed).map(ToString::to_string).collect(),
        missing: one.missing,
        unopened: one.undecrypted,
    }
}
