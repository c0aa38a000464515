//! Reading through all that is held, a batch at a time: a search over half a million indicators
//! takes seconds, and the node has members to talk to meanwhile.

use std::collections::{BTreeMap, VecDeque, btree_map};

use kentong_protocol::MemberName;
use kentong_protocol::policy::{Operator, Purpose};
use kentong_protocol::statement::IndicatorId;
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Done, Reply};
use crate::control::request::Query;
use crate::store::{BodyState, FeedNo, FeedState, OwnEntry, StoreError};

use super::found::Found;
use super::query::{Asker, fits};
use crate::runtime::Node;

/// The most searches at a time.
const MAX_SEARCHES: usize = 8;
/// The most indicators that one search reads; each is a few hundred bytes until it is answered.
const MAX_FOUND: usize = 1 << 20;
/// How many indicators are judged before other inputs are looked at.
const AT_ONCE: usize = 256;
/// The most leaves without statements that are passed over before other inputs are looked at.
const EMPTY_AT_ONCE: usize = 4096;

/// What is looked for, and for whom.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) query: Query,
    /// This indicator only.
    pub(super) id: Option<IndicatorId>,
    pub(super) operator: Operator,
    pub(super) purpose: Purpose,
}

/// A search under way.
#[derive(Debug)]
struct Searching {
    search: Search,
    stage: Stage,
    rows: Vec<Reply>,
    done: Done,
    replies: mpsc::Sender<Reply>,
}

#[derive(Debug)]
enum Stage {
    /// The feeds that are still to be read, the next batch of the first, and the last word on every
    /// indicator so far.
    Reading {
        feeds: VecDeque<FeedNo>,
        next: u64,
        newest: BTreeMap<IndicatorId, Found>,
    },
    /// What may be shown is picked out.
    Judging(btree_map::IntoValues<IndicatorId, Found>),
}

/// Searches under way, each to go on with in its turn.
#[derive(Debug, Default)]
pub(super) struct Searches(VecDeque<Searching>);

/// The answer to a search.
pub(super) struct Answer {
    pub(super) rows: Vec<Reply>,
    pub(super) end: Result<Done, Refused>,
    pub(super) replies: mpsc::Sender<Reply>,
}

impl Searches {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes up a search; it is answered when it is through.
    pub(super) fn begin(
        &mut self,
        node: &Node<'_>,
        search: Search,
        replies: mpsc::Sender<Reply>,
    ) -> Result<(), Refused> {
        if self.0.len() >= MAX_SEARCHES {
            return Err(Refused::TooManySearches(MAX_SEARCHES));
        }
        let wanted = |publisher: &MemberName| {
            let asked = search.query.publisher.as_ref();
            asked.is_none_or(|asked| asked == publisher)
        };
        // Copies are read only where some of our own indicators have nothing else, as in a home that was
        // restored and has not everything back yet.
        let copies = wanted(node.me()) && node.store().own()?.lacks_some();
        let feeds = node.store().feeds().iter();
        let feeds = feeds
            .filter(|feed| wanted(&feed.genesis().publisher) && (copies || node.is_whole(feed)));
        let feeds = feeds.map(FeedState::number).collect();
        self.0.push_back(Searching {
            search,
            stage: Stage::Reading {
                feeds,
                next: 0,
                newest: BTreeMap::new(),
            },
            rows: Vec::new(),
            done: Done::default(),
            replies,
        });
        Ok(())
    }

    /// Goes on with one search for a little; its answer, if that is there now.
    pub(super) fn go_on(&mut self, node: &mut Node<'_>) -> Option<Answer> {
        let mut searching = self.0.pop_front()?;
        if searching.replies.is_closed() {
            return None; // The operator is gone.
        }
        let stepped = node.step(&mut searching);
        if matches!(stepped, Ok(false)) {
            self.0.push_back(searching);
            return None;
        }
        let Searching {
            rows,
            done,
            replies,
            ..
        } = searching;
        Some(match stepped {
            Ok(_) => Answer {
                rows,
                end: Ok(done),
                replies,
            },
            Err(error) => Answer {
                rows: Vec::new(),
                end: Err(error.into()),
                replies,
            },
        })
    }
}

impl Node<'_> {
    /// A step of a search; true if it was the last.
    fn step(&mut self, searching: &mut Searching) -> Result<bool, StoreError> {
        let Searching {
            search,
            stage,
            rows,
            done,
            ..
        } = searching;
        match stage {
            Stage::Reading {
                feeds,
                next,
                newest,
            } => {
                if !self.read_on(search, feeds, next, newest)? {
                    return Ok(false);
                }
                if newest.len() >= MAX_FOUND {
                    done.partial = true;
                    done.notes.push(format!(
                        "This answer is not complete: only the first {MAX_FOUND} indicators were looked \
                         at. Ask more closely, as by --publisher or --kind."
                    ));
                }
                *stage = Stage::Judging(std::mem::take(newest).into_values());
                Ok(false)
            }
            Stage::Judging(found) => {
                let asker = Asker {
                    operator: &search.operator,
                    purpose: search.purpose,
                    all: search.query.all,
                };
                for _ in 0..AT_ONCE {
                    let Some(one) = found.next() else {
                        return Ok(true);
                    };
                    let Some(one) = self.as_it_stands(one)? else {
                        continue; // Erased since it was read.
                    };
                    if fits(&search.query, &one)
                        && !self.take_row(&asker, &search.query, &one, rows, done)
                    {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// What was read, unless its batch was erased meanwhile, or a later word of our own is only in copies;
    /// then what is said of it now, if anything.
    fn as_it_stands(&self, one: Found) -> Result<Option<Found>, StoreError> {
        let feed = self.store().feeds().by_number(one.place.feed);
        let body = feed.and_then(|feed| feed.body(one.place.index));
        let later = |entry: OwnEntry| entry.revision > one.statement.revision;
        let is_outdated = one.publisher == *self.me() && {
            let id = IndicatorId::of(self.me(), &one.statement.value);
            self.store().own()?.get(&id).is_some_and(later)
        };
        if body != Some(BodyState::Erased) && !is_outdated {
            return Ok(Some(one));
        }
        let found = self.exact(&one.statement.value, None)?;
        let mut found = found.into_iter();
        Ok(found.find(|now| now.publisher == one.publisher))
    }

    /// Reads the next batch; true if there is none.
    fn read_on(
        &self,
        search: &Search,
        feeds: &mut VecDeque<FeedNo>,
        next: &mut u64,
        newest: &mut BTreeMap<IndicatorId, Found>,
    ) -> Result<bool, StoreError> {
        for _ in 0..EMPTY_AT_ONCE {
            let feed = feeds
                .front()
                .and_then(|number| self.store().feeds().by_number(*number));
            let Some(feed) = feed.filter(|_| newest.len() < MAX_FOUND) else {
                return Ok(true);
            };
            let index = *next;
            if feed.body(index).is_none() {
                feeds.pop_front();
                *next = 0;
                continue;
            }
            *next += 1;
            let statements = self.store().placed_statements(feed.number(), index)?;
            if statements.is_empty() {
                continue;
            }
            let publisher = &feed.genesis().publisher;
            for (place, statement) in statements {
                let kind = statement.value.kind();
                if search.query.kind.is_some_and(|wanted| wanted != kind) {
                    continue;
                }
                let id = IndicatorId::of(publisher, &statement.value);
                if search.id.is_some_and(|wanted| wanted != id) {
                    continue;
                }
                let Some(one) = self.found(feed, place, statement) else {
                    continue;
                };
                let one = match newest.remove(&id) {
                    Some(before) => before.newer(one),
                    None => one,
                };
                newest.insert(id, one);
            }
            return Ok(false);
        }
        Ok(false)
    }
}
