//! What must hold after every step, each with a function of its own.

mod members;
mod restored;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kentong_keys::Digest;

use crate::feed::FeedId;
use crate::indicator::Projection;
use crate::statement::{Said, Statement};
use crate::sync::Fault;
use crate::wire::Message;

use super::cast::{Cast, Who};
use super::ground::Ground;
use super::model::{Model, View};
use super::node::{Feed, Node};
use super::said::{Item, seen};

pub(super) use members::{only_members, sealed_for_members, strangers_hold};
pub(super) use restored::{came_back, follows};

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// No two signed heads of an honest member's feed contradict each other.
    OneHistory,
    /// Nobody gets a body, a leaf or a feed's name that was not released to it.
    OnlyReleased,
    /// When nothing goes wrong any more, everyone ends with what the reference says.
    Converged,
    /// Nothing that was answered, or given a receipt for, is lost; of what was said after a copy was
    /// made that a home was replaced by, nothing that an honest member holds.
    NothingLost,
    /// When nothing goes wrong any more, no honest member holds a body that was erased.
    Erased,
    /// Who goes by a version of the charter speaks to nobody and seals nothing to anybody whom it does
    /// not list; and who was removed holds nothing but what it was given before.
    OnlyMembers,
    /// No honest member is said to break rules by another, and none halts.
    NoHonestFault,
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which one.
    pub invariant: Invariant,
    /// The seed of the run.
    pub seed: u64,
    /// The number of the event.
    pub step: u64,
    /// What was seen.
    pub what: String,
    /// What happened before.
    pub trace: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        let Self {
            invariant,
            seed,
            step,
            what,
            ..
        } = self;
        writeln!(
            f,
            "seed {seed}, step {step}: {invariant:?} does not hold: {what}"
        )?;
        write!(
            f,
            "again: KENTONG_SIM_SEED={seed} cargo test --test sim one_seed -- --nocapture"
        )
    }
}

/// What every honest member signed: for each feed the roots by size.
#[derive(Debug, Default)]
pub(super) struct Signed(BTreeMap<FeedId, BTreeMap<u64, Digest>>);

impl Signed {
    /// Up to where a feed was signed.
    pub(super) fn up_to(&self, feed: &FeedId) -> u64 {
        let heads = self.0.get(feed).and_then(BTreeMap::last_key_value);
        heads.map_or(0, |(size, _)| *size)
    }

    /// Which of these heads are held among these feeds.
    pub(super) fn held_by<'n>(
        &self,
        feeds: impl Iterator<Item = Feed<'n>>,
        into: &mut BTreeSet<(FeedId, u64, Digest)>,
    ) {
        for held in feeds {
            for (size, root) in self.0.get(&held.id()).into_iter().flatten() {
                if held.root_at(*size) == Some(*root) {
                    into.insert((held.id(), *size, *root));
                }
            }
        }
    }

    /// Of these feeds only those heads count any more that somebody holds.
    pub(super) fn only(
        &mut self,
        feeds: &BTreeSet<FeedId>,
        held: &BTreeSet<(FeedId, u64, Digest)>,
    ) {
        for (feed, heads) in self.0.iter_mut().filter(|(feed, _)| feeds.contains(feed)) {
            heads.retain(|size, root| held.contains(&(*feed, *size, *root)));
        }
    }

    /// Of these feeds only the heads up to a size count.
    pub(super) fn up_to_heads(&mut self, feeds: &BTreeSet<FeedId>, size: impl Fn(&FeedId) -> u64) {
        for (feed, heads) in self.0.iter_mut().filter(|(feed, _)| feeds.contains(feed)) {
            heads.retain(|signed, _| *signed <= size(feed));
        }
    }

    /// A head that was signed agrees with every other of the same feed, by the signer's full tree.
    pub(super) fn one_history<G: Ground>(
        &mut self,
        signer: &Node<G>,
        (feed, size, root): (FeedId, u64, Digest),
    ) -> Result<(), String> {
        let heads = self.0.entry(feed).or_default();
        if heads.get(&size) == Some(&root) {
            return Ok(()); // Signed again, with the same words, by one whose disk is an older one.
        }
        let held = signer.feed(&feed);
        let held = held.ok_or_else(|| format!("{feed} was signed and is not held"))?;
        heads.insert(size, root);
        for (size, root) in heads {
            if held.root_at(*size) != Some(*root) {
                return Err(format!(
                    "{} signed {feed} at {size} twice, or lost it",
                    signer.who()
                ));
            }
        }
        Ok(())
    }
}

/// A message names and carries nothing that its receiver may not have.
pub(super) fn only_released<G: Ground>(
    cast: &Cast,
    model: &Model,
    sender: &Node<G>,
    to: Who,
    message: &Message,
) -> Result<(), String> {
    let feeds: Vec<FeedId> = match message {
        Message::Heads(heads) => {
            let mine = heads.mine.iter();
            let mine = mine.filter_map(|note| crate::feed::UnverifiedCheckpoint::parse(note).ok());
            let yours = heads.yours.iter().map(|(feed, _)| *feed);
            mine.map(|checkpoint| checkpoint.origin().feed)
                .chain(yours)
                .collect()
        }
        Message::Leaves(leaves) => vec![leaves.feed],
        Message::Evidence(evidence) => vec![evidence.feed],
        Message::WantLeaves { feed, .. }
        | Message::WantBodies { feed, .. }
        | Message::Body { feed, .. }
        | Message::NoBody { feed, .. }
        | Message::WantEpoch { feed, .. }
        | Message::Rewrap { feed, .. } => vec![*feed],
        Message::Hello(_)
        | Message::Credentials { .. }
        | Message::Claim(_)
        | Message::Papers(_)
        | Message::WantPapers { .. }
        | Message::Paper(_)
        | Message::Bye(_) => Vec::new(),
    };
    for feed in feeds {
        let held = sender.feed(&feed);
        // Of a feed that is not held only its publisher can have spoken, to this very member.
        if held.is_some_and(|held| !held.is_for(cast.name(to))) {
            return Err(format!(
                "{} named feed {feed} to {to}, who may not read it",
                sender.who()
            ));
        }
    }
    let Message::Body { feed, index, .. } = message else {
        return Ok(());
    };
    let held = sender.feed(feed);
    let publisher = held.and_then(|held| cast.who(held.publisher()));
    for statement in held.iter().flat_map(|held| held.batch(*index)) {
        if let Some(publisher) = publisher.filter(|who| *who != to) {
            permitted(cast, model, (publisher, to), &statement)?;
        }
    }
    Ok(())
}

/// Policy permitted this statement to this reader at some time.
fn permitted(
    cast: &Cast,
    model: &Model,
    (by, to): (Who, Who),
    statement: &Statement,
) -> Result<(), String> {
    let revision = statement.revision.number();
    let item = Item::of(&statement.value).ok_or("a value that nobody said")?;
    let may = match &statement.said {
        _ if model.is_restored(by) => restored::ever_permitted(cast, model, by, to, statement),
        Said::Asserted { stripped, .. } => {
            model.may_have(by, to, item, (revision, stripped.bits()))
        }
        Said::Withdrawn { .. } | Said::Ceased => model.may_learn(by, to, item, revision),
    };
    let known = model.publishers().any(|who| who == by);
    if may || !known {
        Ok(())
    } else {
        Err(format!(
            "{by} gave {to} revision {revision} of {item:?}, which was not for it"
        ))
    }
}

/// An honest node holds nothing but feeds that name it.
pub(super) fn only_for_me<G: Ground>(member: &Node<G>, feed: &FeedId) -> Result<(), String> {
    let held = member.feed(feed);
    if held.is_none_or(|held| held.is_for(member.name())) {
        Ok(())
    } else {
        Err(format!(
            "{} stored feed {feed}, which is not for it",
            member.who()
        ))
    }
}

/// What was answered is in the private feed, and what a receipt was given for is held.
pub(super) fn nothing_lost<G: Ground>(
    model: &Model,
    member: &Node<G>,
    receipts: &BTreeMap<(Who, FeedId), (u64, u64)>,
) -> Result<(), String> {
    let who = member.who();
    let answers = model.answers(who);
    // What was said after the copy was made may be gone.
    for (item, revision, content, doubt) in answers.filter(|_| !model.is_restored(who)) {
        let newest = member.says(item);
        let known = member.newest(item);
        let erased = member.erased(item) == known && newest.is_none();
        if erased && (known == revision + u32::from(doubt) || known == revision) {
            // It was erased: as it should be, or as was asked and not answered.
            if known > revision || !model.is_held(who, item) {
                continue;
            }
        }
        let newest = newest.ok_or_else(|| format!("{who} lost {item:?}"))?;
        let ahead = doubt && newest.revision.number() == revision + 1;
        let same = newest.revision.number() == revision
            && match (&newest.said, content) {
                (Said::Asserted { assertion, .. }, Some(content)) => {
                    seen(assertion) == content.seen(Projection::NOTHING.bits())
                }
                (Said::Withdrawn { .. }, None) => true,
                (Said::Asserted { .. } | Said::Withdrawn { .. } | Said::Ceased, _) => false,
            };
        if !ahead && !same {
            let has = newest.revision;
            return Err(format!(
                "{who} answered {item:?} at {revision} and has {has}"
            ));
        }
    }
    for ((_, feed), (size, missing)) in receipts.iter().filter(|((reader, _), _)| *reader == who) {
        let held = member.feed(feed);
        let holds =
            held.is_some_and(|held| held.size() >= *size && held.missing_below(*size) <= *missing);
        if !holds {
            return Err(format!(
                "{who} gave a receipt for {size} leaves of {feed} and lost some"
            ));
        }
    }
    Ok(())
}

/// Nothing that was erased is held, on disk or in memory.
pub(super) fn erased<G: Ground>(member: &Node<G>) -> Result<(), String> {
    let on_disk = member.bodies_on_disk();
    for held in member.feeds() {
        let feed = held.id();
        for index in held.erased() {
            if held.has_body(index) || on_disk.contains(&(feed, index)) {
                let who = member.who();
                return Err(format!(
                    "{who} still has body {index} of {feed}, which was erased"
                ));
            }
        }
    }
    Ok(())
}

/// No honest member is reported by an honest one; being slow is no fault where the world got in the
/// way of the link.
pub(super) fn no_honest_fault(
    by: Who,
    about: Who,
    fault: Fault,
    hindered: bool,
) -> Result<(), String> {
    if hindered && matches!(fault, Fault::Silent | Fault::Stalled) {
        return Ok(());
    }
    Err(format!("{by} says that {about} {fault}"))
}

/// A reader ends with exactly what the reference says of a publisher's indicators.
pub(super) fn converged<G: Ground>(
    cast: &Cast,
    model: &Model,
    publisher: &Node<G>,
    reader: &Node<G>,
) -> Result<(), String> {
    let (from, to) = (publisher.who(), reader.who());
    for held in publisher.feeds_of(publisher.name()) {
        if held.is_for(reader.name()) {
            let other = reader.feed(&held.id());
            let same = other.is_some_and(|other| {
                let gone = if model.is_restored(from) {
                    held.missing() // Nobody gave it back.
                } else {
                    0
                };
                other.root() == held.root() && other.missing() <= gone
            });
            if !same {
                let id = held.id();
                return Err(format!("{to} does not hold all of {from}'s feed {id}"));
            }
        }
    }
    if model.is_restored(from) {
        return follows(cast, model, publisher, reader);
    }
    let mut in_force = reader.in_force();
    in_force.retain(|(name, _), _| cast.who(name) == Some(from));
    for (item, views) in model.views(from, to) {
        let key = (cast.name(from).clone(), item.value());
        let actual = in_force.remove(&key);
        let same = |view: &View| shows(model, from, item, view, actual.as_ref());
        if !views.iter().any(same) {
            let actual = actual.map(|actual| (actual.revision, actual.said));
            return Err(format!(
                "of {from}'s {item:?} {to} has {actual:?} and not {views:?}"
            ));
        }
    }
    match in_force.keys().next() {
        Some((_, value)) => Err(format!("{to} has {value:?} of {from}, who never said it")),
        None => Ok(()),
    }
}

/// Whether what a reader has is what the reference says.
fn shows(model: &Model, from: Who, item: Item, view: &View, actual: Option<&Statement>) -> bool {
    let Some(actual) = actual else {
        return *view == View::Nothing;
    };
    let revision = actual.revision.number();
    match (view, &actual.said) {
        (
            View::Holds(at, without),
            Said::Asserted {
                assertion,
                stripped,
            },
        ) => {
            let stripped = stripped.bits();
            let fullest = without.iter().map(|bits| bits.count_ones()).min();
            *at == revision
                && without.contains(&stripped)
                && fullest == Some(stripped.count_ones())
                && model.seen(from, item, revision, stripped) == Some(seen(assertion))
        }
        (View::Ceased(at), Said::Ceased) | (View::Withdrawn(at), Said::Withdrawn { .. }) => {
            *at == revision
        }
        (View::Nothing | View::Holds(..) | View::Ceased(_) | View::Withdrawn(_), _) => false,
    }
}
