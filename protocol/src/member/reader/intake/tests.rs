//! What is asked for of a publisher near its quota, and beyond.

use kentong_keys::{BodyContext, Digest, EpochKey, StoreKey};

use crate::feed::{Audience, BatchDraft, EpochDraft, GenesisLeaf, Leaf};
use crate::store::memory::{MemoryLog, MemoryPlace, MemoryRows};
use crate::store::{self, Durably, Step};

use super::*;

fn at(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

type Store = store::Store<MemoryLog, MemoryRows>;

const FEDERATION: Digest = Digest::from_bytes([9; 32]);
/// The batches of the feed, from index 2 on, of one statement and 1040 bytes each.
const BATCHES: u64 = 200;
const FIRST: u64 = 2;

/// MY's store with all leaves of a feed of TH, and no body.
fn store() -> (Store, FeedId) {
    let (log, rows) = (MemoryLog::new(), MemoryPlace::new());
    let key = StoreKey::from_secret([7; 32]);
    let (mut store, _) = Store::open(log, &rows, key, "MY".parse().unwrap(), 16 << 20).unwrap();
    let publisher: MemberName = "TH".parse().unwrap();
    let audience = Audience::of(&publisher, &["MY".parse().unwrap()]).unwrap();
    let genesis = GenesisLeaf {
        federation: FEDERATION,
        publisher,
        audience: audience.clone(),
        charter_version: 1,
        incarnation: 0,
        nonce: [1; 16],
    };
    let (feed, key) = (genesis.feed_id(), EpochKey::from_secret([1; 32]));
    let draft = EpochDraft {
        federation: &FEDERATION,
        feed,
        epoch: 1,
        charter_version: 1,
        audience: &audience,
    };
    let epoch = Leaf::Epoch(draft.seal(&key, |_| None));
    let step = Step::new().leaf(feed, 0, Leaf::Genesis(genesis).encode());
    let mut step = step.leaf(feed, 1, epoch.encode());
    for index in FIRST..FIRST + BATCHES {
        let mut draft = BatchDraft::default();
        draft.push(b"a statement".to_vec()).unwrap();
        let context = BodyContext {
            federation: &FEDERATION,
            feed: feed.digest(),
            incarnation: 0,
            index,
        };
        let sealed = draft.seal(1, &key, &context, ([2; 32], [3; 32])).unwrap();
        assert_eq!(sealed.body.len(), 1040);
        step = step.leaf(feed, index, Leaf::Batch(sealed.leaf).encode());
    }
    store.commit(step, Durably::Later).unwrap();
    (store, feed)
}

/// The first of these that are asked for, and those after a gap, by how many there are.
fn wanted(intake: &Intake, store: &Store, feed: FeedId, quota: Quota) -> (u64, Vec<u64>) {
    let asked = BodyQuery {
        feed,
        from: 0,
        most: 500,
        wanted: &|_| true,
    };
    let found = intake.wanted(store, Some(&quota), &asked, Moment::START);
    let found: Vec<u64> = found.into_iter().map(|body| body.index).collect();
    let in_a_row = (FIRST..).zip(&found).take_while(|(at, found)| at == *found);
    let in_a_row = in_a_row.count();
    (in_a_row as u64, found[in_a_row..].to_vec())
}

#[test]
fn bodies_are_asked_for_as_far_as_the_quota_goes_and_the_newest_to_be_looked_at() {
    let (store, feed) = store();
    let end = FIRST + BATCHES;
    let mut intake = Intake::default();
    let all = Quota::default();
    assert_eq!(wanted(&intake, &store, feed, all), (BATCHES, Vec::new()));

    let kept = kept(&store, &"TH".parse().unwrap());
    let ten_bodies = Quota {
        stored_bytes: kept + 10 * 1040 + 1039,
        ..all
    };
    let newest: Vec<u64> = (end - LOOKS as u64..end).collect();
    assert_eq!(
        wanted(&intake, &store, feed, ten_bodies),
        (10, newest.clone())
    );
    let five_a_day = Quota {
        statements_per_day: 5,
        ..all
    };
    assert_eq!(wanted(&intake, &store, feed, five_a_day), (10, newest));

    // What was looked at is not fetched for that again.
    (20..end).for_each(|index| intake.pass_over(feed, index, 1040));
    // Ten that there is room for, and behind them eight that were not looked at.
    let left = (18, Vec::new());
    assert_eq!(wanted(&intake, &store, feed, ten_bodies), left);
    // It is, when there is room for it.
    assert_eq!(wanted(&intake, &store, feed, all), (BATCHES, Vec::new()));

    // Where there is no room for what corrects nothing is looked at.
    let nothing = Quota {
        stored_bytes: kept / 2,
        ..all
    };
    assert_eq!(wanted(&intake, &store, feed, nothing), (0, Vec::new()));
    intake.took(&"TH".parse().unwrap(), 15, Moment::START);
    assert_eq!(wanted(&intake, &store, feed, five_a_day), (0, Vec::new()));
}

#[test]
fn what_is_remembered_of_bodies_that_correct_nothing_is_bounded() {
    let (store, feed) = store();
    let mut intake = Intake::default();
    let ten = Quota {
        statements_per_day: 5,
        ..Quota::default()
    };
    for index in 0..2 * MAX_PASSED_OVER as u64 {
        intake.pass_over(feed, 1_000_000 + index, 1);
    }
    assert_eq!(intake.passed_over[&feed].len(), MAX_PASSED_OVER);
    assert_eq!(wanted(&intake, &store, feed, ten), (10, Vec::new()));
    let mut intake = Intake::default();
    intake.pass_over(feed, FIRST + 100, MAX_IN_VAIN - 1);
    assert_eq!(wanted(&intake, &store, feed, ten).1.len(), LOOKS);
    intake.pass_over(feed, FIRST + 101, 1);
    assert_eq!(wanted(&intake, &store, feed, ten), (10, Vec::new()));
}

#[test]
fn all_is_looked_at_again_whenever_a_count_has_gone_down() {
    const HOUR: u64 = 3_600_000;
    let mut intake = Intake::default();
    assert!(!intake.eased(at(HOUR)));
    intake.took(&"TH".parse().unwrap(), 5, Moment::START);
    intake.took(&"VN".parse().unwrap(), 5, at(2 * HOUR));
    let eased: Vec<u64> = (0..60)
        .filter(|hour| intake.eased(at(hour * HOUR)))
        .collect();
    assert_eq!(eased, [25, 27]);
}

#[test]
fn leaves_go_on_beyond_the_quota_but_not_for_ever() {
    let (store, _) = store();
    let publisher: MemberName = "TH".parse().unwrap();
    let takes = |stored_bytes| {
        let quota = Quota {
            stored_bytes,
            ..Quota::default()
        };
        Intake::takes_leaves(&store, &quota, &publisher)
    };
    let kept = kept(&store, &publisher);
    assert!(takes(kept) && takes(kept.div_ceil(3)));
    assert!(!takes(kept.div_ceil(3) - 1));
}
