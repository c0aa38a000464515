//! Opening bodies as soon as leaf, body and key are there, and indexing what they hold.

use std::collections::BTreeSet;

use crate::statement::{AnyStatement, Erasure, IndicatorId, Said, Statement};
use kentong_keys::{IndexKey, MemberName};

use super::position::Position;

use super::error::StoreError;
use super::feeds::{BodyState, EpochState};
use super::ground::Log;
use super::index_row::{self, Class, IndexEntry, OwnPart};
use super::lookup::Tag;
use super::own::{content, own_key};
use super::place::{FeedNo, Place};
use super::schema::{RowKey, encode};
use super::state::{Effects, State, Waiting, put_leaf};
use super::step::Indexed;
use super::vault::OpenVault;

/// How many bytes of sealed bodies are opened before other work has its turn.
const OPENED_AT_ONCE: usize = 1 << 20;

impl State {
    pub(super) fn body<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
        (number, index): (FeedNo, u64),
        at: Position,
        sealed: Vec<u8>,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let feed = self.feeds.at_mut(number);
        if feed.body(index) != Some(BodyState::Missing) {
            return Ok(());
        }
        feed.set_body(index, Some(at), BodyState::Held { opened: false });
        self.open(vault, (number, index), sealed, effects)
    }

    /// Takes in an epoch's key. Bodies that waited for it are opened by [`State::open_waiting`]: there
    /// may be as many of them as their publisher likes.
    pub(super) fn epoch_key(
        &mut self,
        (number, epoch): (FeedNo, u64),
        at: Position,
        effects: &mut Effects,
    ) {
        let feed = self.feeds.at_mut(number);
        let Ok(epoch) = u32::try_from(epoch) else {
            return;
        };
        match feed.epochs.get_mut(&epoch) {
            Some(held) if held.key.is_none() => held.key = Some(at),
            _ => return,
        }
        effects.rows.put(
            RowKey::EpochKey(number, epoch).encode(),
            encode(&at.to_u64()),
        );
        if feed.unopened_count() > 0 {
            self.waiting.push_back(Waiting {
                feed: number,
                epoch,
                next: 0,
            });
        }
    }

    /// Finds the bodies that a crash kept from being opened after their key had come.
    pub(super) fn find_waiting(&mut self) {
        self.waiting.clear();
        for feed in self.feeds.iter().filter(|feed| feed.unopened_count() > 0) {
            let epochs: BTreeSet<u32> = feed
                .unopened(0)
                .filter_map(|index| Some(feed.entry(index)?.epoch))
                .collect();
            let held = |epoch: &u32| feed.epochs.get(epoch).is_some_and(EpochState::has_key);
            let waiting = epochs.into_iter().filter(held).map(|epoch| Waiting {
                feed: feed.number,
                epoch,
                next: 0,
            });
            self.waiting.extend(waiting);
        }
    }

    /// Opens some of the bodies whose key came after them.
    pub(super) fn open_waiting<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let mut bytes = 0;
        while bytes < OPENED_AT_ONCE
            && let Some(waiting) = self.waiting.front_mut()
        {
            let Waiting {
                feed: number,
                epoch,
                next,
            } = *waiting;
            let feed = self.feeds.at_mut(number);
            let of_epoch = |index: &u64| feed.entry(*index).is_some_and(|e| e.epoch == epoch);
            let Some(index) = feed.unopened(next).find(of_epoch) else {
                self.waiting.pop_front();
                continue;
            };
            waiting.next = index + 1;
            let body = feed.entry(index).and_then(|entry| entry.body);
            if let Some(at) = body
                && let Some(sealed) = vault.read(at)?
            {
                bytes += sealed.len();
                self.open(vault, (number, index), sealed, effects)?;
            }
        }
        Ok(())
    }

    /// Opens a body that is held, if its key is, and indexes what it holds.
    fn open<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
        (number, index): (FeedNo, u64),
        sealed: Vec<u8>,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let feed = self.feeds.at_mut(number);
        let body = feed.entry(index).and_then(|entry| entry.body);
        let in_order = index >= feed.opened_to;
        match vault.open(feed, index, sealed)? {
            None => effects.applied.waiting.push((feed.id, index)),
            Some(Err(error)) => {
                feed.set_body(index, body, BodyState::Bad(error));
                effects.applied.bad.push((feed.id, index, error));
            }
            Some(Ok(statements)) => {
                feed.set_body(index, body, BodyState::Held { opened: true });
                if !in_order {
                    self.doubt_own(number);
                }
                self.index(number, index, &statements, effects);
            }
        }
        put_leaf(self.feeds.at_mut(number), index, &mut effects.rows);
        Ok(())
    }

    fn index(&mut self, number: FeedNo, index: u64, statements: &[Vec<u8>], effects: &mut Effects) {
        let feed = self.feeds.at_mut(number);
        let (own, private) = (feed.genesis.publisher == self.me, feed.is_private());
        let (mut found, mut unknown, mut refused) = (0, 0, Vec::new());
        let mut entries = Vec::with_capacity(statements.len());
        for (place, bytes) in (0..).zip(statements) {
            let entry = match AnyStatement::decode(bytes) {
                Ok(AnyStatement::Known(statement)) => {
                    found += 1;
                    entry_of(&self.index_key, own.then_some(&self.me), &statement)
                }
                Ok(AnyStatement::Erased(erasure)) => {
                    found += u16::from(own);
                    entry_of_erasure(own, &erasure)
                }
                Ok(AnyStatement::Unknown { .. }) => {
                    unknown += 1;
                    IndexEntry::silent(Class::Unknown)
                }
                Err(error) => {
                    refused.push((place, error));
                    IndexEntry::silent(Class::Refused(error))
                }
            };
            let place = Place {
                feed: number,
                index,
                place,
            };
            if entry.is_found() {
                self.lookup.insert(entry.tag, place);
            }
            if let Some(table) = self.own.get_mut().filter(|_| own) {
                table.apply(private, place, &entry);
            }
            entries.push(entry);
        }
        for (part, row) in (0..).zip(index_row::encode(&entries, own)) {
            effects
                .rows
                .put(RowKey::Index(number, index, part).encode(), row);
        }
        let feed = feed.id;
        effects.applied.indexed.push(Indexed {
            feed,
            index,
            found,
            unknown,
            refused,
        });
    }
}

/// How it is found that an own indicator was erased. Of others it tells nothing.
fn entry_of_erasure(own: bool, erasure: &Erasure) -> IndexEntry {
    let mut entry = IndexEntry::silent(Class::Erased);
    if own {
        entry.tag = Tag::of_mark(&erasure.mark);
        entry.revision = erasure.revision.number();
        entry.own = Some(OwnPart {
            key: *erasure.mark.as_bytes(),
            content: 0,
            last_seen: None,
            made: u32::try_from(erasure.made.seconds()).unwrap_or(u32::MAX),
        });
    }
    entry
}

/// How a statement is found, and what the own table needs of it if it is of `publisher`'s own.
fn entry_of(key: &IndexKey, publisher: Option<&MemberName>, statement: &Statement) -> IndexEntry {
    let Statement {
        value,
        revision,
        made,
        said,
    } = statement;
    let mut entry = IndexEntry::silent(match said {
        Said::Asserted { .. } => Class::Asserted,
        Said::Withdrawn { .. } => Class::Withdrawn,
        Said::Ceased => Class::Ceased,
    });
    entry.tag = Tag::of(key, value.kind().number(), &value.comparison_key());
    entry.revision = revision.number();
    let mut own = publisher.map(|publisher| OwnPart {
        key: own_key(key, &IndicatorId::of(publisher, value)),
        content: 0,
        last_seen: None,
        made: u32::try_from(made.seconds()).unwrap_or(u32::MAX),
    });
    if let Said::Asserted {
        assertion,
        stripped,
    } = said
    {
        entry.stripped = *stripped;
        if let Some(own) = &mut own {
            own.content = content(key, assertion);
            own.last_seen = assertion
                .last_seen
                .and_then(|at| u32::try_from(at.seconds()).ok());
        }
    }
    entry.own = own;
    entry
}
