//! Reading the store.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::feed::{BatchLeaf, FeedId};
use crate::indicator::Kind;
use crate::statement::{AnyStatement, Statement, StatementError};
use kentong_keys::{EpochKey, MemberName};

use super::position::Position;

use super::Store;
use super::error::StoreError;
use super::event::{read_disposition, read_receipt};
use super::feeds::{BodyState, FeedState};
use super::ground::{Damage, Log, Rows};
use super::index_row::{self, Class, PART};
use super::lookup::Tag;
use super::own::OwnTable;
use super::place::{FeedNo, Place};
use super::schema::{RowKey, decode};
use super::step::Disposition;
use super::vault::OpenVault;

impl<L: Log, R: Rows> Store<L, R> {
    /// The bytes of a leaf, as they were signed.
    pub fn leaf(&self, feed: FeedId, index: u64) -> Result<Vec<u8>, StoreError> {
        self.vault().leaf(self.feed(feed)?, index)
    }

    /// The batch leaf at `index`.
    pub fn batch(&self, feed: FeedId, index: u64) -> Result<BatchLeaf, StoreError> {
        self.vault().batch(self.feed(feed)?, index)
    }

    /// The sealed bytes of a body.
    pub fn body(&self, feed: FeedId, index: u64) -> Result<Vec<u8>, StoreError> {
        self.vault().sealed(self.feed(feed)?, index)
    }

    /// The key of an epoch, if it is held.
    pub fn epoch_key(&self, feed: FeedId, epoch: u32) -> Result<Option<Arc<EpochKey>>, StoreError> {
        self.vault().epoch_key(self.feed(feed)?, epoch)
    }

    /// The member's newest word on what it holds of a feed.
    pub fn receipt(&self, feed: FeedId, peer: &MemberName) -> Result<Option<Vec<u8>>, StoreError> {
        let key = RowKey::Receipt(self.feed(feed)?.number(), peer.clone()).encode();
        let mut found = None;
        self.rows.scan(&key, |row, content| {
            if row == key {
                found = decode::<u64>(content);
            }
            Ok(())
        })?;
        let Some(at) = found else { return Ok(None) };
        let payload = self.vault().read(Position::from_u64(at))?;
        Ok(payload
            .and_then(|payload| read_receipt(&payload))
            .map(|(_, bytes)| bytes))
    }

    /// What this node did with statements of a batch, in the order in which it was recorded.
    pub fn dispositions(&self, feed: FeedId, index: u64) -> Result<Vec<Disposition>, StoreError> {
        let prefix = RowKey::dispositions_of(self.feed(feed)?.number(), index);
        let mut positions = Vec::new();
        self.rows.scan(&prefix, |row, _| {
            if let Some(RowKey::Disposition(_, _, at)) = RowKey::decode(row) {
                positions.push(at);
            }
            Ok(())
        })?;
        let mut dispositions = Vec::new();
        for at in positions {
            let payload = self.vault().read(at)?;
            dispositions.extend(payload.and_then(|payload| read_disposition(&payload)));
        }
        Ok(dispositions)
    }

    /// The statements of an opened batch that do not decode, by their place.
    pub fn refused(
        &self,
        feed: FeedId,
        index: u64,
    ) -> Result<Vec<(u16, StatementError)>, StoreError> {
        let prefix = RowKey::index_rows_of(self.feed(feed)?.number(), index);
        let mut refused = Vec::new();
        self.rows.scan(&prefix, |row, content| {
            let (first, entries) = index_entries(row, content)?;
            for (place, entry) in (first.place..).zip(entries) {
                if let Class::Refused(error) = entry.class {
                    refused.push((place, error));
                }
            }
            Ok(())
        })?;
        Ok(refused)
    }

    /// Where statements about this value stand, over all feeds that count, in the order of places. Of each
    /// feed the last sixteen. A place may, once in 2^64, hold another value: whoever shows a
    /// statement compares.
    #[must_use]
    pub fn find(&self, kind: Kind, comparison_key: &str) -> Vec<Place> {
        let tag = Tag::of(&self.index_key, kind.number(), comparison_key);
        let mut places = self.state.lookup.find(tag);
        places.retain(|place| {
            let feed = self.state.feeds.by_number(place.feed);
            feed.is_some_and(|feed| !feed.is_void())
        });
        places
    }

    /// How many statements can be found, and what the look-up index takes in bytes.
    #[must_use]
    pub fn lookup_size(&self) -> (usize, usize) {
        (self.state.lookup.len(), self.state.lookup.memory())
    }

    /// The statement at a place, and its bytes.
    pub fn statement(&self, place: Place) -> Result<(Statement, Vec<u8>), StoreError> {
        let feed = self
            .state
            .feeds
            .by_number(place.feed)
            .ok_or(StoreError::NoStatement)?;
        if feed.body(place.index) != Some(BodyState::Held { opened: true }) {
            return Err(StoreError::NoBody {
                feed: feed.id(),
                index: place.index,
            });
        }
        let bytes = self.vault().statement(feed, place)?;
        match AnyStatement::decode(&bytes) {
            Ok(AnyStatement::Known(statement)) => Ok((*statement, bytes)),
            Ok(AnyStatement::Erased(_) | AnyStatement::Unknown { .. }) | Err(_) => {
                Err(StoreError::NoStatement)
            }
        }
    }

    /// The statement at a place, of whatever kind.
    pub(super) fn any_statement(&self, place: Place) -> Result<AnyStatement, StoreError> {
        let feed = self.state.feeds.by_number(place.feed);
        let feed = feed.ok_or(StoreError::NoStatement)?;
        let bytes = self.vault().statement(feed, place)?;
        AnyStatement::decode(&bytes).map_err(|_| StoreError::NoStatement)
    }

    /// The bytes of the statement at a place, of whatever kind.
    pub fn statement_bytes(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        let feed = self.state.feeds.by_number(place.feed);
        self.vault()
            .statement(feed.ok_or(StoreError::NoStatement)?, place)
    }

    /// The statements of the batch at an index of a feed; none if no opened batch is there.
    pub fn batch_statements(&self, feed: FeedNo, index: u64) -> Result<Vec<Statement>, StoreError> {
        let placed = self.placed_statements(feed, index)?;
        Ok(placed.into_iter().map(|(_, statement)| statement).collect())
    }

    /// The same, each with its place; none of a feed that is void.
    pub fn placed_statements(
        &self,
        feed: FeedNo,
        index: u64,
    ) -> Result<Vec<(Place, Statement)>, StoreError> {
        let held = self.state.feeds.by_number(feed);
        match held.map(|held| (held, held.body(index))) {
            Some((held, Some(BodyState::Held { opened: true }))) if !held.is_void() => {
                of_batch(self.vault(), held, index)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// All statements of known kinds in the feeds that `wanted` picks, in the order of places.
    pub fn scan(&self, wanted: impl Fn(&FeedState) -> bool) -> Scan<'_, L> {
        let feeds = self
            .state
            .feeds
            .iter()
            .filter(|feed| !feed.is_void() && wanted(feed))
            .collect();
        Scan {
            vault: self.vault(),
            feeds,
            next: 0,
            ready: VecDeque::new(),
        }
    }

    /// What the publisher has said of its own indicators. The first call after a start reads the
    /// index rows of the own feeds.
    pub fn own(&self) -> Result<&OwnTable, StoreError> {
        if let Some(own) = self.state.own.get() {
            return Ok(own);
        }
        let mut own = OwnTable::new(Arc::clone(&self.index_key));
        for feed in self.state.feeds.of(&self.state.me) {
            let private = feed.is_private();
            self.rows
                .scan(&RowKey::index_rows(feed.number()), |row, content| {
                    let (first, entries) = index_entries(row, content)?;
                    for (place, entry) in (first.place..).zip(entries) {
                        own.apply(private, Place { place, ..first }, &entry);
                    }
                    Ok(())
                })?;
        }
        Ok(self.state.own.get_or_init(|| own))
    }

    pub(super) fn feed(&self, id: FeedId) -> Result<&FeedState, StoreError> {
        self.state.feeds.get(id).ok_or(StoreError::UnknownFeed(id))
    }
}

/// Where the first statement of an index row stands, and the entries.
pub(super) fn index_entries(
    row: &[u8],
    content: &[u8],
) -> Result<(Place, Vec<index_row::IndexEntry>), Damage> {
    let read = || -> Option<(FeedNo, u64, u16, Vec<index_row::IndexEntry>)> {
        let RowKey::Index(feed, index, part) = RowKey::decode(row)? else {
            return None;
        };
        let first = u16::from(part).checked_mul(u16::try_from(PART).ok()?)?;
        Some((feed, index, first, index_row::decode(content)?))
    };
    let (feed, index, place, entries) =
        read().ok_or_else(|| Damage("an index row that cannot be".to_owned()))?;
    Ok((Place { feed, index, place }, entries))
}

/// The statements of some feeds, read batch by batch.
#[derive(Debug)]
pub struct Scan<'a, L> {
    vault: OpenVault<'a, L>,
    /// The feeds that are left, and the next index of the first.
    feeds: VecDeque<&'a FeedState>,
    next: u64,
    ready: VecDeque<(Place, Statement)>,
}

impl<L: Log> Scan<'_, L> {
    /// Reads the next opened batch; false if there is none.
    fn refill(&mut self) -> Result<bool, StoreError> {
        while let Some(feed) = self.feeds.front() {
            let index = self.next;
            self.next += 1;
            match feed.body(index) {
                None => {
                    self.feeds.pop_front();
                    self.next = 0;
                }
                Some(BodyState::Held { opened: true }) => {
                    self.ready = of_batch(self.vault, feed, index)?.into();
                    return Ok(true);
                }
                Some(_) => {}
            }
        }
        Ok(false)
    }
}

/// The statements of an opened batch that this release knows.
fn of_batch<L: Log>(
    vault: OpenVault<'_, L>,
    feed: &FeedState,
    index: u64,
) -> Result<Vec<(Place, Statement)>, StoreError> {
    let body = vault.body(feed, index)?;
    let bad = |error| StoreError::Body {
        feed: feed.id(),
        index,
        error,
    };
    let (mut statements, mut place) = (Vec::new(), 0);
    for number in 0..body.frames() {
        for bytes in body.frame(number).map_err(bad)? {
            if let Ok(AnyStatement::Known(statement)) = AnyStatement::decode(&bytes) {
                statements.push((
                    Place {
                        feed: feed.number(),
                        index,
                        place,
                    },
                    *statement,
                ));
            }
            place += 1;
        }
    }
    Ok(statements)
}

impl<L: Log> Iterator for Scan<'_, L> {
    type Item = Result<(Place, Statement), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Some(Ok(next));
            }
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
