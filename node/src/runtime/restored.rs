//! The fork guard of a node that does not know what it signed last: its signer state is lost, or the log
//! holds more than that says was signed.
//!
//! Nothing is signed in any feed before enough readers have shown all heads of this member's feeds that
//! they hold ([`Quorum`]): for each feed that is known, of its readers; for those that are not known
//! any more, of all members. What they show is taken back from them. Then the signer state is written
//! anew, what came back goes into the feed for oneself alone, and publishing goes on.
//!
//! A feed goes on where it was only if every reader of it was heard. One who was not may hold a head that
//! reached nobody else; so a feed of which enough and not all were heard ends, and goes on in a new one,
//! which cannot contradict what anybody holds of the old. The same is done on the root key's go-ahead,
//! and with the feed for oneself alone, which has no readers who could say how far it went.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{GoAhead, RecoveryId};
use kentong_protocol::charter::Membership;
use kentong_protocol::feed::FeedId;
use kentong_protocol::member::Stands;
use kentong_protocol::member::heads::Heads as _;
use kentong_protocol::{Digest, MemberName};

use crate::control::reply::{self, Done, Failure};
use crate::recovery_file;
use crate::signer::{Signed, Signer};
use crate::store::{Durably, FeedState, Step};

use super::RunError;
use super::answer::failure;
use super::core::Core;
use super::quorum::Quorum;
use super::warnings::Subject;

/// Milliseconds in which nothing came back, after which it goes on without the bodies that nobody gives.
const STALLED: u64 = 60_000;
/// The most feeds, and the most groups of readers, that an operator is shown.
const SHOWN: usize = 20;

/// What is known since the start of what this node signed before.
#[derive(Debug)]
pub(super) struct Restored {
    why: String,
    id: RecoveryId,
    /// Who has shown all heads of our feeds that it holds.
    heard: BTreeSet<MemberName>,
    /// The longest head that each showed of a feed of which this node held less.
    heads: BTreeMap<FeedId, BTreeMap<MemberName, Signed>>,
    /// When something last came back, or was shown.
    moved: u64,
}

/// By whose word publishing goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Readers,
    RootKey,
}

/// An own feed of which not all that was shown is back.
struct Unfinished {
    feed: FeedId,
    held: u64,
    shown: u64,
    missing: u64,
    unopened: u64,
}

impl Restored {
    /// How many leaves of a feed somebody showed.
    fn shown(&self, feed: FeedId) -> u64 {
        let heads = self.heads.get(&feed).into_iter().flatten();
        heads.map(|(_, head)| head.size).max().unwrap_or(0)
    }
}

impl Core {
    /// Whether the log holds a checkpoint that the signer state does not know: that is an older copy.
    pub(super) fn signer_is_behind(&self) -> bool {
        self.store.feeds().of(&self.me).any(|held| {
            let signed = self.signer.get(held.id().digest());
            let signed = signed.map_or(0, |signed| signed.size);
            held.checkpoint().is_some_and(|(size, _)| size > signed)
        })
    }

    /// Begins to ask. Own leaves that no checkpoint covers are dropped: whether they were signed, readers
    /// know. What is for this member alone stays as it is.
    pub(super) fn begin_restored(&mut self, why: String) -> Result<(), RunError> {
        tracing::warn!(%why, "nothing is signed before readers have said what they hold");
        self.signer = Signer::unknown(&self.home.signer_state());
        let id = recovery_file::begin(&self.home).map_err(|source| RunError::System {
            what: "cannot note that a recovery begins; check the disk",
            source,
        })?;
        let mut step = Step::new();
        for held in self.store.feeds().of(&self.me) {
            let signed = held.checkpoint().map_or(0, |(size, _)| size);
            if !held.is_private() && held.size() > signed {
                step = step.truncate(held.id(), signed);
            }
        }
        if !step.is_empty() {
            self.store.commit(step, Durably::Synced)?;
        }
        self.guard.restored = Some(Restored {
            why,
            id,
            heard: BTreeSet::new(),
            heads: BTreeMap::new(),
            moved: self.now().millis,
        });
        Ok(())
    }

    /// A member has shown all heads of our feeds that it holds.
    pub(super) fn restored_heard(&mut self, member: &MemberName) {
        let now = self.now().millis;
        let Some(restored) = &mut self.guard.restored else {
            return;
        };
        restored.moved = now;
        if restored.heard.insert(member.clone()) {
            tracing::info!(peer = %member, "has said what it holds of our feeds");
        }
    }

    /// A member shows a head of ours beyond what is held.
    pub(super) fn restored_shown(&mut self, member: &MemberName, feed: FeedId, head: Signed) {
        let now = self.now().millis;
        let Some(restored) = &mut self.guard.restored else {
            return;
        };
        restored.moved = now;
        let heads = restored.heads.entry(feed).or_default();
        let known = heads.entry(member.clone()).or_insert(head);
        if known.size < head.size {
            *known = head;
        }
    }

    /// Something of an own feed came back; true if the guard takes care of it.
    pub(super) fn restored_moved(&mut self, feed: FeedId) -> bool {
        let now = self.now().millis;
        let held = self.store.feeds().get(feed);
        let own = held.is_some_and(|held| held.genesis().publisher == self.me);
        match &mut self.guard.restored {
            Some(restored) => {
                if own {
                    restored.moved = now;
                }
                true
            }
            None => false,
        }
    }

    /// The members who can be asked: all others that the charter lists, but for those who left and those
    /// whom this node severed.
    fn askable(&self) -> BTreeSet<MemberName> {
        let listed = self.members.listed(self.wall()).into_iter();
        let others = listed.filter(|(party, stands)| {
            let speaks = match stands {
                Stands::By(Membership::InForce | Membership::Suspended { .. }) => true,
                Stands::By(Membership::Left { .. } | Membership::Stranger) | Stands::Severed => {
                    false
                }
            };
            speaks && party.name != self.me
        });
        others.map(|(party, _)| party.name).collect()
    }

    /// Who is asked of which feed; of no feed: of those that this node does not know.
    fn quorums(&self, restored: &Restored) -> Vec<(Option<FeedId>, Quorum)> {
        let askable = self.askable();
        let mut quorums = vec![(None, Quorum::of(askable.clone(), &restored.heard))];
        for held in self.shared_own() {
            let audience = &held.genesis().audience;
            let readers = askable.iter().filter(|member| audience.holds(member));
            let quorum = Quorum::of(readers.cloned().collect(), &restored.heard);
            quorums.push((Some(held.id()), quorum));
        }
        quorums
    }

    /// The own feeds that others read.
    fn shared_own(&self) -> impl Iterator<Item = &FeedState> {
        let own = self.store.feeds().of(&self.me);
        own.filter(|held| held.size() > 0 && !held.is_private())
    }

    /// What was shown and is not back.
    fn unfinished(&self, restored: &Restored) -> Vec<Unfinished> {
        let mut feeds: BTreeSet<FeedId> = restored.heads.keys().copied().collect();
        feeds.extend(self.shared_own().map(FeedState::id));
        let of = |feed: FeedId| {
            let held = self.store.feeds().get(feed);
            let signed = held.and_then(FeedState::checkpoint);
            Unfinished {
                feed,
                held: signed.map_or(0, |(size, _)| size),
                shown: restored.shown(feed).max(held.map_or(0, FeedState::size)),
                missing: held.map_or(0, FeedState::missing_count),
                unopened: held.map_or(0, FeedState::unopened_count),
            }
        };
        let all = feeds.into_iter().map(of);
        all.filter(|one| one.held < one.shown || one.missing > 0 || one.unopened > 0)
            .collect()
    }

    /// Looks whether enough readers were heard and all that they showed is back; then publishing goes on.
    pub(super) fn restored_on(&mut self) {
        let Some(restored) = self.guard.restored.take() else {
            return;
        };
        let heard = self
            .quorums(&restored)
            .iter()
            .all(|(_, quorum)| quorum.is_met());
        let unfinished = self.unfinished(&restored);
        let stalled = self.now().millis >= restored.moved.saturating_add(STALLED);
        let back = unfinished
            .iter()
            .all(|one| one.held == one.shown && stalled);
        if self.halted.is_none() && heard && back {
            if !unfinished.is_empty() {
                let warning = format!(
                    "nobody gave all that this node had published: parts of {} feeds are gone",
                    unfinished.len()
                );
                self.warn(Subject::Start, warning);
            }
            self.settle(restored, By::Readers);
        } else {
            self.guard.restored = Some(restored);
        }
    }

    /// Writes the signer state by what was found, and goes on from there.
    fn settle(&mut self, restored: Restored, by: By) {
        if let Some((member, feed)) = self.contradiction(&restored) {
            self.halt(format!(
                "{member} shows that we signed another history of our feed {feed} than others hold: \
                 another node has run with these keys"
            ));
            self.guard.restored = Some(restored);
            return;
        }
        // Those count too who cannot be asked any more: what they hold was signed all the same.
        let all_heard = |held: &FeedState| {
            let mut readers = held.genesis().audience.members().iter();
            readers.all(|reader| *reader == self.me || restored.heard.contains(reader))
        };
        let mut entries = BTreeMap::new();
        for held in self
            .store
            .feeds()
            .of(&self.me)
            .filter(|held| held.size() > 0)
        {
            let is_known = !held.is_private()
                && held.size() >= restored.shown(held.id())
                && held
                    .checkpoint()
                    .is_some_and(|(size, _)| size == held.size())
                && all_heard(held);
            let signed = if is_known {
                Signed {
                    size: held.size(),
                    root: held.tree().root(),
                }
            } else {
                Signed::ENDED
            };
            entries.insert(*held.id().digest(), signed);
        }
        for feed in restored.heads.keys() {
            entries.entry(*feed.digest()).or_insert(Signed::ENDED);
        }
        if let Err(error) = self.signer.settle(entries) {
            self.halt(error.to_string());
            self.guard.restored = Some(restored);
            return;
        }
        let known = |feed: &FeedId| {
            let signed = self.signer.get(feed.digest());
            signed.is_some_and(|signed| !signed.is_ended())
        };
        self.guard.lost.retain(|feed, _| !known(feed));
        for feed in restored.heads.keys() {
            if !self.guard.lost.contains_key(feed) {
                self.warnings.settle(&Subject::Lost(*feed));
            }
        }
        // What is shown later is taken in then, and nothing waits for it.
        for one in self.unfinished(&restored) {
            self.guard.take_in_later(one.feed, one.shown);
        }
        let (heard, late) = (restored.heard.len(), self.guard.lost.len());
        tracing::info!(?by, heard, late, "publishing goes on");
        if by == By::RootKey {
            let warning = format!(
                "publishing goes on by the root key's go-ahead, after {heard} members were heard: \
                 what the others hold of our feeds and we do not is missing here until they come"
            );
            self.warn(Subject::Start, warning);
        }
        self.guard.confirmed = true;
        self.feeds = self.open_feeds();
        self.take_in_all();
        self.cosign_all();
        self.sweep_all();
    }

    /// Who showed a head of ours that does not lead to what came back.
    fn contradiction(&self, restored: &Restored) -> Option<(MemberName, FeedId)> {
        restored.heads.iter().find_map(|(feed, heads)| {
            let held = self.store.feeds().get(*feed)?;
            let other = |head: &Signed| {
                let root: Option<Digest> = held.tree().root_at(head.size);
                root.is_some_and(|root| root != head.root)
            };
            let (member, _) = heads.iter().find(|(_, head)| other(head))?;
            Some((member.clone(), *feed))
        })
    }

    /// The root key's word that publishing is to go on by what was found.
    pub(super) fn go_ahead(&mut self, note: &str) -> Result<Done, Failure> {
        let none = || {
            failure(
                "not-found",
                "this node waits for no go-ahead".into(),
                "see `kentong status`",
            )
        };
        let invalid = |message: String| {
            let next = "nothing was changed; `kentong recover draft` writes what is to be signed";
            failure("invalid", message, next)
        };
        let restored = self.guard.restored.as_ref().ok_or_else(none)?;
        let charter = self.members.charter();
        let root = charter.and_then(|charter| Some((charter, charter.member(&self.me)?.root())));
        let (charter, root) = root.ok_or_else(|| {
            invalid("this node's charter does not list its member, so nobody could be asked".into())
        })?;
        let opened = GoAhead::open(note.as_bytes(), &self.me, root);
        let opened = opened.map_err(|error| invalid(error.to_string()))?;
        let terms = opened.terms();
        if terms.recovery != restored.id || terms.federation != *charter.id().digest() {
            return Err(invalid(format!(
                "the go-ahead is for recovery {}, and this is {}",
                terms.recovery, restored.id
            )));
        }
        if let Some(why) = &self.halted {
            return Err(invalid(format!("publishing is halted: {why}")));
        }
        if let Some(restored) = self.guard.restored.take() {
            self.settle(restored, By::RootKey);
        }
        match &self.halted {
            Some(why) => Err(invalid(format!("publishing is halted: {why}"))),
            None => Ok(Done {
                count: 1,
                ..Done::default()
            }),
        }
    }

    /// What the recovery waits for, for an operator.
    pub(super) fn recovery(&self) -> Option<reply::Recovery> {
        let to_take_in = self.taking_in.before_all_else() as u64;
        let Some(restored) = self.guard.restored.as_ref() else {
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
        let mut groups: BTreeMap<BTreeSet<MemberName>, reply::Wait> = BTreeMap::new();
        for (feed, quorum) in self.quorums(restored) {
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
        let to_come = self.unfinished(restored).into_iter().take(SHOWN);
        let charter = self.members.charter();
        Some(reply::Recovery {
            id: Some(restored.id.to_string()),
            federation: charter.map(|charter| charter.id().digest().to_string()),
            why: restored.why.clone(),
            heard: restored.heard.iter().map(ToString::to_string).collect(),
            waits: groups.into_values().take(SHOWN).collect(),
            to_come: to_come
                .map(|one| reply::ToCome {
                    feed: one.feed.to_string(),
                    leaves: one.held,
                    shown: one.shown,
                    by: restored
                        .heads
                        .get(&one.feed)
                        .map(|heads| heads.keys().map(ToString::to_string).collect())
                        .unwrap_or_default(),
                    missing: one.missing,
                    unopened: one.unopened,
                })
                .collect(),
            to_take_in,
        })
    }

    /// What an operator is told who asks for something to be published meanwhile.
    pub(super) fn waits_for_readers(&self) -> Option<Failure> {
        let recovery = self.recovery()?;
        let silent: BTreeSet<_> = recovery
            .waits
            .iter()
            .flat_map(|wait| wait.silent.iter().cloned())
            .collect();
        let silent: Vec<_> = silent.into_iter().collect();
        let what = if silent.is_empty() {
            "what they hold of it is still to come, or to be taken in".to_owned()
        } else {
            format!("it waits for {}", silent.join(", "))
        };
        Some(failure(
            "recovering",
            format!(
                "this node signs nothing before its readers have said what it signed last: {what}"
            ),
            "nothing of this request was stored; `kentong status` says more, and `kentong recover` \
             what the root key can do",
        ))
    }
}
