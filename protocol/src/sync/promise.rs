//! Checkpoints that the peer shows: of its own feeds and, as any reader may, of other members'.

use kentong_keys::Digest;

use crate::feed::{Checkpoint, CheckpointError, FeedId, UnverifiedCheckpoint};

use super::evidence::{Evidence, RootProof};
use super::exchange::{News, Task};
use super::fault::Fault;
use super::ledger::{FeedView, Ledger};
use super::session::Session;

/// The most promises of a feed that are kept until the leaves come that show whether they hold.
const MAX_UNCHECKED: usize = 8;

impl Session {
    /// Believes a checkpoint that the publisher of the feed signed, and remembers that the peer shows
    /// it. None if it shows that the publisher has two histories, which is not the peer's fault unless
    /// it is the publisher; or if the feed is known to have two.
    pub(super) fn promise(
        &mut self,
        shown: UnverifiedCheckpoint,
        ledger: &impl Ledger,
    ) -> Result<Option<Checkpoint>, Fault> {
        let origin = shown.origin();
        if origin.federation != self.local.federation_name {
            return Err(Fault::NotItsFeed);
        }
        let key = if origin.publisher == self.peer.member {
            Some(self.peer.signing)
        } else {
            ledger.signing(&origin.publisher)
        };
        // A feed of somebody whom we do not know: the peer may go by a newer warrant or charter.
        let Some(key) = key else { return Ok(None) };
        let witnessed = shown.clone();
        let shown = match shown.verify(&key) {
            Err(CheckpointError::Signature) if witnessed.origin().publisher == self.local.me => {
                match self.vouched(witnessed.clone(), ledger) {
                    Some(shown) => shown,
                    None => return Err(Fault::Checkpoint(CheckpointError::Signature)),
                }
            }
            Err(CheckpointError::Signature)
                if self.goes_by_another_warrant(&witnessed.origin().publisher, ledger) =>
            {
                return Ok(None);
            }
            shown => shown.map_err(Fault::Checkpoint)?,
        };
        let origin = shown.origin();
        let (feed, size, root) = (origin.feed, shown.size(), *shown.root());
        let view = ledger.feed(&feed);
        if let Some(view) = &view {
            let genesis = view.genesis;
            let fits = genesis.publisher == origin.publisher
                && genesis.incarnation == origin.incarnation
                && genesis.audience.holds(&self.peer.member);
            if !fits {
                return Err(Fault::NotItsFeed);
            }
            let held = view.tree.root_at(size);
            if held.is_some_and(|held| held != root) {
                if view.former {
                    self.give_way(feed);
                    self.promised.insert(feed, shown);
                    self.shows.push((feed, size));
                    return Ok(None);
                }
                self.keep_fork(&shown, view);
                return self.two_histories(&shown);
            }
        }
        if ledger.is_forked(&feed) {
            return Ok(None);
        }
        let known = self.promised.get(&feed);
        if let Some(known) = known
            && known.size() == size
            && *known.root() != root
        {
            let note = known.note().to_vec();
            self.keep_evidence(&shown, note, None);
            return self.two_histories(&shown);
        }
        let known = known.map(Checkpoint::size);
        if known.is_none() && view.is_none() {
            self.room_for_a_feed(&shown, ledger)?;
        }
        if known.is_none_or(|at| at < size) {
            let before = self.promised.insert(feed, shown.clone());
            let unchecked = self.unchecked.entry(feed).or_default();
            if unchecked.len() < MAX_UNCHECKED {
                unchecked.extend(before);
            }
            self.shows.push((feed, size));
        }
        if let Some(view) = &view {
            self.store_head(&shown, view);
        }
        self.cosigned(&witnessed, (feed, size, root), ledger);
        Ok(Some(shown))
    }

    /// Stores a checkpoint over leaves that are all held, if the one that is held covers less or is by a
    /// former key: a new warrant has its publisher sign its heads anew.
    fn store_head(&mut self, shown: &Checkpoint, view: &FeedView<'_>) {
        let (feed, size) = (shown.origin().feed, shown.size());
        let covered = view.checkpoint.map_or(0, |(size, _)| size);
        if size == view.tree.size() && (covered < size || view.former) {
            self.ask(Task::StoreLeaves {
                feed,
                from: size,
                leaves: Vec::new(),
                checkpoint: Some((size, shown.note().to_vec())),
            });
        }
    }

    /// What is held counts too, or each session could bring as many feeds of one publisher again.
    fn room_for_a_feed(&self, shown: &Checkpoint, ledger: &impl Ledger) -> Result<(), Fault> {
        let publisher = &shown.origin().publisher;
        let held = ledger.feeds_of(publisher, &self.local.me);
        let promised = self
            .promised
            .values()
            .filter(|one| one.origin().publisher == *publisher)
            .filter(|one| !held.contains(&one.origin().feed))
            .count();
        if held.len().saturating_add(promised) >= self.local.limits.feeds {
            return Err(Fault::TooManyFeeds);
        }
        Ok(())
    }

    /// A publisher that shows its own second history breaks the rules; whoever shows that of another
    /// does us a service.
    fn two_histories(&self, shown: &Checkpoint) -> Result<Option<Checkpoint>, Fault> {
        if shown.origin().publisher == self.peer.member {
            Err(Fault::TwoHistories)
        } else {
            Ok(None)
        }
    }

    /// Compares with the leaves that came what was promised before them: a publisher may have shown
    /// a head and then gone on from another.
    pub(super) fn check_promises(&mut self, ledger: &impl Ledger) -> Result<(), Fault> {
        let unchecked = std::mem::take(&mut self.unchecked);
        for (feed, promises) in unchecked {
            let Some(view) = ledger.feed(&feed) else {
                self.unchecked.insert(feed, promises);
                continue;
            };
            let mut later = Vec::new();
            for promise in promises {
                match view.tree.root_at(promise.size()) {
                    None => later.push(promise),
                    Some(root) if root == *promise.root() => {}
                    Some(_) => {
                        self.keep_fork(&promise, &view);
                        self.two_histories(&promise)?;
                    }
                }
            }
            if !later.is_empty() {
                self.unchecked.insert(feed, later);
            }
        }
        Ok(())
    }

    /// Looks at a checkpoint in our own name. One that we signed and that our history does not lead to
    /// means that we lost a part of it, or have another. One that our present key did not sign means
    /// nothing, whoever made it, unless our warrant names it.
    pub(super) fn own_head(&mut self, shown: UnverifiedCheckpoint, ledger: &impl Ledger) {
        let witnessed = shown.clone();
        let shown = shown.verify(&self.local.signing).ok();
        let Some(shown) = shown.or_else(|| self.vouched(witnessed.clone(), ledger)) else {
            return;
        };
        let (feed, size, root) = (shown.origin().feed, shown.size(), *shown.root());
        let view = ledger.feed(&feed);
        match view.and_then(|view| view.tree.root_at(size)) {
            Some(held) if held == root => {
                // Bodies may have been lost, or not have come back: whoever shows their leaves has them.
                if view.is_some_and(|view| view.missing > 0) {
                    self.shows.push((feed, size));
                }
                self.cosigned(&witnessed, (feed, size, root), ledger);
            }
            Some(_) => {
                if let Some(view) = &view {
                    self.keep_fork(&shown, view);
                }
                self.forked.insert(feed);
                self.learn(News::Forked { feed, size });
            }
            None => {
                // Whoever shows it can give it back.
                let known = self.promised.get(&feed).map(Checkpoint::size);
                if known.is_none_or(|known| known < size) {
                    self.promised.insert(feed, shown);
                    self.shows.push((feed, size));
                }
                self.learn(News::Behind { feed, size, root });
            }
        }
    }

    /// Takes note that the peer itself cosigned a checkpoint that it shows, if it did.
    fn cosigned(
        &mut self,
        shown: &UnverifiedCheckpoint,
        (feed, size, root): (FeedId, u64, Digest),
        ledger: &impl Ledger,
    ) {
        if let Some(witness) = ledger.witness(&self.peer.member)
            && let Ok(time) = shown.cosigned_by(&witness)
        {
            self.learn(News::Cosigned {
                feed,
                size,
                root,
                time,
            });
        }
    }

    /// Keeps what shows that a checkpoint does not belong to the held history: the checkpoint that
    /// this history was last proven by, and if possible the link between the two.
    pub(super) fn keep_fork(&mut self, shown: &Checkpoint, view: &FeedView<'_>) {
        let (size, feed) = (shown.size(), shown.origin().feed);
        let stored = view.checkpoint;
        let promised = self.promised.get(&feed);
        let promised = promised.filter(|promised| promised.root() != shown.root());
        let held = match (stored, promised) {
            (Some((at, note)), _) if at >= size => Some((note.to_vec(), Some(at))),
            (_, Some(promised)) => Some((promised.note().to_vec(), None)),
            (Some((_, note)), None) => Some((note.to_vec(), None)),
            (None, None) => None,
        };
        if let Some((note, at)) = held {
            let link = at.and_then(|at| Evidence::link(view.tree, at, size));
            self.keep_evidence(shown, note, link);
        }
    }

    fn keep_evidence(&mut self, shown: &Checkpoint, held: Vec<u8>, link: Option<RootProof>) {
        self.learn(News::Evidence(Box::new(Evidence {
            publisher: shown.origin().publisher.clone(),
            feed: shown.origin().feed,
            held,
            shown: shown.note().to_vec(),
            link,
        })));
    }

    /// Takes evidence that the peer passes on: it must show by itself that a publisher signed two
    /// histories.
    pub(super) fn evidence(
        &mut self,
        evidence: Evidence,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let key = if evidence.publisher == self.local.me {
            Some(self.local.signing)
        } else if evidence.publisher == self.peer.member {
            Some(self.peer.signing)
        } else {
            ledger.signing(&evidence.publisher)
        };
        let Some(key) = key else { return Ok(()) };
        if !evidence.is_conclusive(&self.local.federation_name, &key) {
            // Keys that have gone prove nothing any more, and those to come not yet.
            return if self.goes_by_another_warrant(&evidence.publisher, ledger) {
                Ok(())
            } else {
                Err(Fault::Evidence)
            };
        }
        if !ledger.is_forked(&evidence.feed) {
            self.learn(News::Evidence(Box::new(evidence)));
        }
        Ok(())
    }

    /// Passes evidence on, if the peer reads the feed.
    pub(super) fn pass_on(&mut self, evidence: &Evidence, ledger: &impl Ledger) {
        let reads = |feed: &FeedId| {
            let view = ledger.feed(feed);
            view.is_some_and(|view| view.genesis.audience.holds(&self.peer.member))
        };
        if reads(&evidence.feed)
            && let Some(message) = evidence.message()
        {
            self.ask(Task::Send(message));
        }
    }
}
