//! A node that does not know what it signed last: its signer state is lost, or the log holds more than
//! that says was signed. [`History`](kentong_protocol::member::history::History) decides when it does
//! again; here that is written down, and an operator is told what is waited for.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::GoAhead;
use kentong_protocol::MemberName;
use kentong_protocol::member::Stands;
use kentong_protocol::member::heads::Heads as _;
use kentong_protocol::member::history::{
    Asking, Contradiction, NoGoAhead, Settlement, Unfinished, Why, can_be_asked, uncovered,
};

use crate::control::refused::Refused;
use crate::control::reply::{self, Done};
use crate::recovery_file;
use crate::signer::Signer;

use super::RunError;
use super::core::Core;
use super::guard::Ours;
use super::warnings::Warning;

/// The most feeds, and the most groups of readers, that an operator is shown.
const SHOWN: usize = 20;

impl Core {
    /// Begins to ask. Leaves of ours that no checkpoint covers are dropped: whether they were signed,
    /// readers know. What is for this member alone stays as it is.
    pub(super) fn begin_restored(&mut self, why: String) -> Result<(), RunError> {
        tracing::warn!(%why, "nothing is signed before readers have said what they hold");
        self.signer = Signer::unknown(&self.home.signer_state());
        let recovery = recovery_file::begin(&self.home).map_err(|source| RunError::System {
            what: "cannot note that a recovery begins; check the disk",
            source,
        })?;
        let cut = uncovered(&Ours::of(&self.store, &self.me));
        self.cut(&cut)?;
        self.history.ask(recovery, why, self.now().millis);
        Ok(())
    }

    /// The members who can be asked: all others that the charter lists, but for those who left and those
    /// whom this node severed.
    fn asked_members(&self) -> BTreeSet<MemberName> {
        let listed = self.members.listed(self.wall()).into_iter();
        let others = listed.filter(|(party, stands)| {
            let speaks = match stands {
                Stands::By(membership) => can_be_asked(*membership),
                Stands::Severed => false,
            };
            speaks && party.name != self.me
        });
        others.map(|(party, _)| party.name).collect()
    }

    /// Looks whether enough readers were heard and all that they showed is back; then publishing continues.
    pub(super) fn restored_on(&mut self) {
        if self.history.asking().is_none() {
            return;
        }
        let (now, asked) = (self.now().millis, self.asked_members());
        let ours = Ours::of(&self.store, &self.me);
        let Some(settlement) = self.history.look_for_settlement(now, &asked, &ours) else {
            return;
        };
        if settlement.gone > 0 {
            let feeds = settlement.gone;
            self.warn(Warning::PartsGone { feeds });
        }
        self.settle(settlement);
    }

    /// Writes the signer state by what was found, and continues from there.
    fn settle(&mut self, Settlement { by, heads, .. }: Settlement) {
        let entries = match heads {
            Ok(entries) => entries,
            Err(Contradiction { member, feed }) => {
                return self.halt(format!(
                    "{member} shows that we signed another history of our feed {feed} than others hold: \
                     another node has run with these keys"
                ));
            }
        };
        if let Err(error) = self.signer.settle(entries) {
            return self.halt(error.to_string());
        }
        let heard = self
            .history
            .asking()
            .map_or(0, |asking| asking.heard().len());
        tracing::info!(?by, heard, "publishing goes on");
        self.tell_history(|history, _, ours, heads| history.settled(by, ours, heads));
    }

    /// The root key's word that publishing is to go on by what was found.
    pub(super) fn go_ahead(&mut self, note: &str) -> Result<Done, Refused> {
        let invalid = Refused::GoAhead;
        let stopped = |why: &str| invalid(format!("publishing is halted: {why}"));
        if self.history.asking().is_none() {
            return Err(Refused::NoGoAhead);
        }
        let charter = self.members.charter();
        let root = charter.and_then(|charter| Some((charter, charter.member(&self.me)?.root())));
        let (charter, root) = root.ok_or_else(|| {
            invalid("this node's charter does not list its member, so nobody could be asked".into())
        })?;
        let opened = GoAhead::open(note.as_bytes(), &self.me, root);
        let opened = opened.map_err(|error| invalid(error.to_string()))?;
        let ours = Ours::of(&self.store, &self.me);
        let settlement = self
            .history
            .go_ahead(opened.terms(), charter.id().digest(), &ours);
        let settlement = settlement.map_err(|refused| match refused {
            NoGoAhead::NotAsked => Refused::NoGoAhead,
            NoGoAhead::Other(this) => invalid(format!(
                "the go-ahead is for recovery {}, and this is {this}",
                opened.terms().recovery
            )),
            NoGoAhead::Stopped(why) => stopped(&why),
        })?;
        self.settle(settlement);
        match self.history.stopped() {
            Some(why) => Err(stopped(why)),
            None => Ok(Done {
                count: 1,
                ..Done::default()
            }),
        }
    }

    /// What the recovery waits for, for an operator.
    pub(super) fn recovery(&self) -> Option<reply::Recovery> {
        let to_take_in = self.history.to_load_first();
        let Some(asking) = self.history.asking() else {
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
        let charter = self.members.charter();
        let ours = Ours::of(&self.store, &self.me);
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
        let ours = Ours::of(&self.store, &self.me);
        for (feed, quorum) in asking.quorums(&self.asked_members(), &ours) {
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
        let silent: BTreeSet<String> = match self.history.may_say() {
            Err(Why::Unknown) => {
                let asking = self.history.asking().into_iter();
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
