//! Bodies that are no longer to be held: out of memory and rows at once, out of the log when the leaf
//! that says so is signed.
//!
//! Until then a crash may have that leaf dropped, with what was said again before it, and the body is
//! all there is. What is to be overwritten keeps its position in its row, so that a start finds what
//! a crash left to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::guard::{self, Guard};

use super::ground::Log;

use super::error::StoreError;
use super::feeds::{BodyState, FeedState, LeafKind};
use super::place::FeedNo;
use super::schema::RowKey;
use super::state::{Effects, State, put_leaf, remove_index};
use super::vault::OpenVault;

impl State {
    /// The body goes, with all that was indexed of it; the leaf stays. `by` is the leaf that says so,
    /// none if nobody else is to know.
    pub(super) fn erase(
        &mut self,
        number: FeedNo,
        index: u64,
        by: Option<u64>,
        effects: &mut Effects,
    ) {
        let feed = self.feeds.at_mut(number);
        let Some(entry) = feed.entry(index).copied() else {
            return;
        };
        if entry.kind != LeafKind::Batch || entry.state == BodyState::Erased {
            return;
        }
        effects.applied.erased.push((feed.id, index));
        feed.set_body(index, entry.body, BodyState::Erased);
        if entry.body.is_some() {
            feed.erasing.insert(index, by);
            effects.erasing.insert(number);
        } else {
            feed.never_came(index);
        }
        put_leaf(feed, index, &mut effects.rows);
        if entry.state == (BodyState::Held { opened: true }) {
            remove_index(number, index, &entry, &mut effects.rows);
            self.lookup.remove(number, |gone| gone == index);
            self.doubt_own(number);
        }
    }

    /// Forgets the checkpoint of a feed, if it covers more than `size` leaves.
    pub(super) fn withdraw_checkpoint(&mut self, number: FeedNo, size: u64, effects: &mut Effects) {
        let feed = self.feeds.at_mut(number);
        if feed.checkpoint().is_some_and(|(signed, _)| signed > size) {
            feed.checkpoint = None;
            effects.rows.remove(RowKey::Checkpoint(number).encode());
        }
    }

    /// Drops the leaves of a feed from `size` on. A body that one of them was to erase is back.
    pub(super) fn truncate<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
        number: FeedNo,
        size: u64,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let feed = self.feeds.at_mut(number);
        if size >= feed.size() || feed.checkpoint().is_some_and(|(signed, _)| signed > size) {
            return Ok(());
        }
        let back = spared(vault, feed, size)?;
        for index in size..feed.size() {
            effects.rows.remove(RowKey::Leaf(number, index).encode());
            if let Some(entry) = feed.entry(index).copied() {
                remove_index(number, index, &entry, &mut effects.rows);
                effects.dropped.extend(entry.body);
            }
        }
        for (epoch, _) in feed.epochs.iter().filter(|(_, epoch)| epoch.index >= size) {
            effects
                .rows
                .remove(RowKey::EpochKey(number, *epoch).encode());
        }
        feed.erasing
            .retain(|index, by| *index < size && by.is_none_or(|by| by < size));
        feed.truncate(size);
        self.lookup.remove(number, |index| index >= size);
        self.doubt_own(number);
        for index in back {
            self.bring_back(vault, number, index, effects)?;
        }
        Ok(())
    }

    /// A body that was to be erased is not.
    fn bring_back<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
        number: FeedNo,
        index: u64,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let feed = self.feeds.at_mut(number);
        let Some(entry) = feed.entry(index).copied() else {
            return Ok(());
        };
        feed.set_body(index, None, BodyState::Missing);
        put_leaf(feed, index, &mut effects.rows);
        match entry.body.map(|at| vault.read(at)).transpose()?.flatten() {
            Some(sealed) => {
                let at = entry.body.unwrap_or(entry.at);
                self.body(vault, (number, index), at, sealed, effects)
            }
            None => Ok(()),
        }
    }

    /// Finds what a crash kept from being overwritten: its row still says where it lies.
    pub(super) fn find_erasing<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
    ) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for feed in self.feeds.iter() {
            let left: Vec<_> = (0..)
                .zip(&feed.leaves)
                .filter(|(_, entry)| entry.state == BodyState::Erased && entry.body.is_some())
                .map(|(index, _)| index)
                .collect();
            if left.is_empty() {
                continue;
            }
            let mut by = BTreeMap::new();
            for leaf in feed.erase_leaves(0) {
                if let Some(target) = vault.erase_target(feed, leaf)? {
                    by.entry(target).or_insert(leaf);
                }
            }
            // Without a leaf it was forgotten here alone.
            let by = |index| by.get(&index).copied();
            found.extend(
                left.into_iter()
                    .map(|index| (feed.number, index, by(index))),
            );
        }
        for (number, index, by) in found {
            self.feeds.at_mut(number).erasing.insert(index, by);
        }
        Ok(())
    }

    /// All feeds in which something is to be overwritten.
    pub(super) fn feeds_erasing(&self) -> impl Iterator<Item = FeedNo> {
        let feeds = self.feeds.iter().filter(|feed| !feed.erasing.is_empty());
        feeds.map(|feed| feed.number)
    }

    /// Whether anything is to be overwritten now.
    pub(super) fn is_erasure_due(&self, effects: &Effects) -> bool {
        if !effects.dropped.is_empty() {
            return true;
        }
        let feeds = effects.erasing.iter();
        let mut feeds = feeds.filter_map(|number| self.feeds.by_number(*number));
        feeds.any(|feed| !feed.due_erasures().is_empty())
    }

    /// Overwrites in the log what is due. The leaves that say so are on disk.
    pub(super) fn overwrite(
        &mut self,
        log: &mut impl Log,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let mut positions = std::mem::take(&mut effects.dropped);
        let feeds = std::mem::take(&mut effects.erasing);
        for number in &feeds {
            let feed = self.feeds.at_mut(*number);
            let due = feed.due_erasures().into_iter();
            positions.extend(due.filter_map(|index| feed.entry(index)?.body));
        }
        if !positions.is_empty() && guard::on(Guard::ErasedOverwritten) {
            log.erase(&positions)?;
        }
        for number in feeds {
            let feed = self.feeds.at_mut(number);
            for index in feed.due_erasures() {
                feed.erasing.remove(&index);
                feed.set_body(index, None, BodyState::Erased);
                put_leaf(feed, index, &mut effects.rows);
            }
        }
        Ok(())
    }
}

/// The bodies below `size` that only leaves from there on are to erase.
fn spared<L: Log>(
    vault: OpenVault<'_, L>,
    feed: &FeedState,
    size: u64,
) -> Result<BTreeSet<u64>, StoreError> {
    let mut spared = BTreeSet::new();
    for leaf in feed.erase_leaves(size) {
        if let Some(target) = vault
            .erase_target(feed, leaf)?
            .filter(|target| *target < size)
        {
            spared.insert(target);
        }
    }
    if !spared.is_empty() {
        for leaf in feed.erase_leaves(0).take_while(|leaf| *leaf < size) {
            if let Some(target) = vault.erase_target(feed, leaf)? {
                spared.remove(&target);
            }
        }
    }
    Ok(spared)
}
