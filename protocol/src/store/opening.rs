//! Opening: read the rows, replay the log's tail, rebuild what is not believed.

use std::sync::Arc;

use crate::feed::{FeedId, Leaf};
use kentong_keys::{Digest, IndexKey, MemberName};
use serde_bytes::ByteBuf;

use super::position::Position;
use super::record::{OwnedRecord, RecordKind};

use super::checked::Checked;
use super::error::StoreError;
use super::event::Event;
use super::feeds::{BodyState, EpochState, FeedState};
use super::ground::{Damage, Log, Opened, Rows};
use super::index_row;
use super::place::Place;
use super::schema::{LeafRow, Mark, RowKey, decode};
use super::state::{Effects, State};
use super::vault::Vault;

/// So many bytes of rows are written at once while the log is replayed.
const REPLAY_BYTES: usize = 256 * 1024;

/// What was found when the store was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Records of the log that the derived state did not reflect yet.
    pub replayed: u64,
    /// Set when the derived state was not believed.
    pub rebuilt: Option<Rebuilt>,
}

/// That the derived state was rebuilt from the log, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// What was wrong.
    pub why: String,
    /// Where the damaged rows are now; none if there were none.
    pub set_aside: Option<String>,
}

/// Reads the derived state and brings it up to the end of the log.
pub(super) fn open<L: Log, R: Rows>(
    log: &mut L,
    place: &R::Place,
    vault: &Vault,
    me: &MemberName,
    key: &Arc<IndexKey>,
) -> Result<(State, Checked<R>, Opening), StoreError> {
    let believed = load::<R>(place, me, key).and_then(|loaded| {
        check_mark(log, key, loaded.1.mark())?;
        Ok(loaded)
    });
    let mut rebuilt = None;
    let (mut state, mut rows, _) = match believed {
        Ok(loaded) => {
            if loaded.1.mark().at == 0 && log.end() > Position::START {
                let why = match loaded.2 {
                    Opened::Existing => "the folder was empty",
                    Opened::New => "the folder was missing",
                };
                rebuilt = Some(Rebuilt {
                    why: why.to_owned(),
                    set_aside: None,
                });
            }
            loaded
        }
        Err(Damage(why)) => {
            rebuilt = Some(Rebuilt {
                why,
                set_aside: R::set_aside(place).map_err(StoreError::Aside)?,
            });
            load(place, me, key)?
        }
    };
    state.find_erasing(vault.over(log))?;
    let replayed = replay(log, vault, key, &mut state, &mut rows)?;
    let mut effects = Effects::default();
    effects.erasing.extend(state.feeds_erasing());
    if state.is_erasure_due(&effects) {
        state.overwrite(log, &mut effects)?;
        rows.add(effects.rows)?;
    }
    state.find_waiting();
    while !state.waiting.is_empty() {
        let mut effects = Effects::default();
        state.open_waiting(vault.over(log), &mut effects)?;
        rows.add(effects.rows)?;
    }
    Ok((state, rows, Opening { replayed, rebuilt }))
}

/// What tells a record from any other that might lie at its position. A body can be erased later,
/// so its content does not count.
pub(super) fn record_hash(
    key: &IndexKey,
    kind: RecordKind,
    (feed, index): (&Digest, u64),
    payload: &[u8],
) -> [u8; 16] {
    let payload = if kind == RecordKind::Body {
        &[]
    } else {
        payload
    };
    key.hash(&[
        b"record",
        &[kind.to_u8()],
        feed.as_bytes(),
        &index.to_be_bytes(),
        payload,
    ])
}

fn hash_of(key: &IndexKey, record: &OwnedRecord) -> [u8; 16] {
    let payload = record.bytes().unwrap_or_default();
    record_hash(
        key,
        record.kind,
        (&record.key.feed, record.key.index),
        payload,
    )
}

/// Whether the record that the rows reflect last is the one that the log has there.
fn check_mark(log: &impl Log, key: &IndexKey, mark: &Mark) -> Result<(), Damage> {
    if mark.at == 0 {
        return Ok(());
    }
    match log.read(Position::from_u64(mark.at)) {
        Ok(record) if hash_of(key, &record) == mark.record => Ok(()),
        Ok(_) | Err(_) => Err(Damage("it belongs to another state of the log".to_owned())),
    }
}

/// Applies the records after the mark.
fn replay<L: Log, R: Rows>(
    log: &mut L,
    vault: &Vault,
    key: &IndexKey,
    state: &mut State,
    rows: &mut Checked<R>,
) -> Result<u64, StoreError> {
    let mut replayed = 0;
    let mut effects = Effects::default();
    let mut mark = *rows.mark();
    let after = mark.at;
    for found in log.scan(Position::from_u64(after)) {
        let (at, record) = found?;
        if at.to_u64() <= after {
            continue;
        }
        mark = Mark {
            at: at.to_u64(),
            record: hash_of(key, &record),
            sum: 0,
        };
        replayed += 1;
        if let Some(event) = Event::read(record) {
            state.apply(vault.over(log), at, event, &mut effects)?;
        }
        if effects.rows.bytes() >= REPLAY_BYTES {
            state.overwrite(log, &mut effects)?;
            rows.commit(std::mem::take(&mut effects).rows, mark)?;
        }
    }
    if replayed > 0 {
        state.overwrite(log, &mut effects)?;
        rows.commit(effects.rows, mark)?;
        rows.flush()?;
    }
    Ok(replayed)
}

/// Reads all rows into memory.
fn load<R: Rows>(
    place: &R::Place,
    me: &MemberName,
    key: &Arc<IndexKey>,
) -> Result<(State, Checked<R>, Opened), Damage> {
    let mut state = State::new(me.clone(), Arc::clone(key));
    let bad = || Damage::new("a row that cannot be");
    let (rows, opened) = Checked::open(place, Arc::clone(key), |row, content| {
        let row = RowKey::decode(row).ok_or_else(bad)?;
        load_row(&mut state, &row, content).ok_or_else(bad)
    })?;
    Ok((state, rows, opened))
}

fn load_row(state: &mut State, key: &RowKey, content: &[u8]) -> Option<()> {
    let feeds = &mut state.feeds;
    match *key {
        RowKey::Feed(number) => {
            let (id, leaf) = decode::<(FeedId, ByteBuf)>(content)?;
            let Ok(Leaf::Genesis(genesis)) = Leaf::decode(&leaf) else {
                return None;
            };
            (feeds.len() == number.as_usize()).then_some(())?;
            feeds.begin(id, genesis).ok()?;
        }
        RowKey::Leaf(number, index) => {
            let row = LeafRow::decode(content)?;
            feeds
                .by_number(number)
                .filter(|feed| feed.size() == index)?;
            let feed = feeds.at_mut(number);
            feed.push(row.hash, row.entry);
            if let Some((epoch, charter_version, commitment)) = row.epoch {
                let state = EpochState {
                    index,
                    charter_version,
                    commitment,
                    key: None,
                };
                feed.epochs.insert(epoch, state);
            }
        }
        RowKey::Checkpoint(number) => {
            let (size, note) = decode::<(u64, ByteBuf)>(content)?;
            feeds.by_number(number).filter(|feed| feed.size() >= size)?;
            feeds.at_mut(number).checkpoint = Some((size, note.into_vec()));
        }
        RowKey::EpochKey(number, epoch) => {
            feeds.by_number(number)?;
            let at = Position::from_u64(decode::<u64>(content)?);
            feeds.at_mut(number).epochs.get_mut(&epoch)?.key = Some(at);
        }
        RowKey::Index(number, index, part) => {
            let opened = Some(BodyState::Held { opened: true });
            feeds
                .by_number(number)
                .filter(|feed| feed.body(index) == opened)?;
            if state.lookup.len() == 0 {
                let all: u64 = feeds.iter().map(FeedState::statements).sum();
                state.lookup.reserve(usize::try_from(all).ok()?);
            }
            let first = u16::from(part).checked_mul(u16::try_from(index_row::PART).ok()?)?;
            for (place, entry) in (first..).zip(index_row::decode(content)?) {
                if entry.is_found() {
                    state.lookup.insert(
                        entry.tag,
                        Place {
                            feed: number,
                            index,
                            place,
                        },
                    );
                }
            }
        }
        RowKey::Disposition(number, ..) => drop(feeds.by_number(number)?),
        RowKey::Receipt(number, _) => {
            feeds.by_number(number)?;
            decode::<u64>(content)?;
        }
    }
    Some(())
}
