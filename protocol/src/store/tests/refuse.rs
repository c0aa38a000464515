//! Steps that do not fit what is held.

use crate::feed::{CloseLeaf, FeedId};

use crate::store::place::{MAX_FEEDS, MAX_LEAVES};

use super::*;

/// Offers a step that does not fit, and sees that nothing changed.
pub(super) fn check_refused(store: &mut Store, step: Step, expected: &str) {
    let before = (answers(store), store.log.end());
    let error = store.commit(step, Durably::Later).unwrap_err();
    assert!(
        format!("{error:?}").starts_with(expected),
        "{expected}: {error:?}"
    );
    assert_eq!((answers(store), store.log.end()), before, "{expected}");
}

/// A feed of SG with one batch whose body is still to come.
fn feed_without_body(home: &Home) -> (Store, Feed, Vec<u8>) {
    let (mut store, _) = home.open();
    let mut feed = Feed::new("SG", &["MY"], 3);
    let begin = feed.begin(Step::new());
    let (step, body) = feed.batch_apart([asserted(1, 1)], begin);
    commit(&mut store, step);
    (store, feed, body)
}

#[test]
fn leaves_that_do_not_follow() {
    let home = Home::new();
    let (mut store, mut feed, body) = feed_without_body(&home);
    let stranger = Feed::new("TH", &["MY"], 4);
    let (id, next) = (feed.id, feed.size);
    let leaf = Leaf::Batch(feed.seal([asserted(2, 1)]).leaf).encode();
    let genesis = Leaf::Genesis(feed.genesis.clone()).encode();
    let foreign = Leaf::Genesis(stranger.genesis).encode();
    feed.epoch += 1;
    let epoch = feed.epoch_leaf(feed.epoch + 1).encode();
    let close = Leaf::Close(CloseLeaf {
        reason: 0,
        followed_by: Default::default(),
    })
    .encode();
    let new = Step::new;
    for (step, expected) in [
        (new().leaf(stranger.id, 1, leaf.clone()), "UnknownFeed"),
        (new().leaf(stranger.id, 0, leaf.clone()), "Genesis"),
        (new().leaf(stranger.id, 0, genesis.clone()), "Genesis"),
        (new().leaf(id, next, foreign), "Genesis"),
        (new().leaf(id, 0, genesis), "Gap"),
        (new().leaf(id, next + 1, leaf.clone()), "Gap"),
        (new().leaf(id, next - 1, leaf.clone()), "Gap"),
        (new().leaf(id, next, b"no leaf".to_vec()), "Leaf"),
        (new().leaf(id, next, epoch), "EpochOrder"),
        (
            new().leaf(id, next, close).leaf(id, next + 1, leaf.clone()),
            "Closed",
        ),
        // What comes before the fault is not written either.
        (
            new().body(id, next - 1, body.clone()).leaf(id, 77, leaf),
            "Gap",
        ),
    ] {
        check_refused(&mut store, step, expected);
    }
    assert_eq!(
        commit(&mut store, new().body(id, next - 1, body))
            .indexed
            .len(),
        1
    );
}

#[test]
fn what_no_leaf_asks_for() {
    let home = Home::new();
    let (mut store, feed, body) = feed_without_body(&home);
    let (id, index, next) = (feed.id, feed.size - 1, feed.size);
    let stranger = Feed::new("TH", &["MY"], 4).id;
    let sealed = feed.seal([asserted(2, 1)]);
    let (leaf, other) = (Leaf::Batch(sealed.leaf).encode(), sealed.body);
    let wrong_key = EpochKey::from_secret([99; 32]);
    let disposition = Disposition {
        reason: 1,
        places: vec![],
    };
    let (new, note) = (Step::new, Vec::new);
    for (step, expected) in [
        (new().body(id, index, other), "Body {"),
        (
            new().leaf(id, next, leaf).body(id, next, body.clone()),
            "Body {",
        ),
        (new().body(id, 1, body.clone()), "BodyNotWanted"),
        (new().body(id, 99, body.clone()), "BodyNotWanted"),
        (
            new()
                .body(id, index, body.clone())
                .body(id, index, body.clone()),
            "BodyNotWanted",
        ),
        (new().epoch_key(id, 1, &wrong_key), "EpochKey"),
        (new().epoch_key(id, 2, &feed.key), "EpochKey"),
        (new().checkpoint(id, note(), next + 1), "Checkpoint"),
        (
            new()
                .checkpoint(id, note(), next)
                .checkpoint(id, note(), index),
            "Checkpoint",
        ),
        (new().checkpoint(id, vec![0; 5000], 1), "Checkpoint"),
        (
            new().checkpoint(id, note(), next).truncate(id, index),
            "Truncate",
        ),
        (new().receipt(name("SG"), stranger, note()), "UnknownFeed"),
        (new().disposition(id, next, disposition), "NoLeaf"),
    ] {
        check_refused(&mut store, step, expected);
    }
    assert_eq!(
        commit(&mut store, new().body(id, index, body.clone()))
            .indexed
            .len(),
        1
    );
    check_refused(&mut store, new().body(id, index, body), "BodyNotWanted");
    // A key that is held changes nothing, not even the log.
    let end = store.log.end();
    assert_eq!(
        commit(&mut store, new().epoch_key(id, 1, &feed.key)),
        Applied::default()
    );
    assert_eq!(store.log.end(), end);
}

/// Asked before anything is written: a log whose feeds and leaves have no numbers could not be
/// read again.
#[test]
fn feeds_and_leaves_beyond_the_last_number() {
    let home = Home::new();
    let (mut store, feed, _) = feed_without_body(&home);
    let leaf = Leaf::Batch(feed.seal([asserted(2, 1)]).leaf).encode();
    let step = Step::new().leaf(feed.id, MAX_LEAVES, leaf);
    check_refused(&mut store, step, "Limit(\"2^36");

    let two = [Feed::new("TH", &["MY"], 4), Feed::new("VN", &["MY"], 5)];
    let genesis = |feed: &Feed, step: Step| {
        let leaf = Leaf::Genesis(feed.genesis.clone()).encode();
        step.leaf(feed.id, 0, leaf)
    };
    while store.state.feeds.len() < MAX_FEEDS as usize - 1 {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(store.state.feeds.len() as u64).to_be_bytes());
        let id = FeedId::from_digest(Digest::from_bytes(id));
        let feeds = &mut store.state.feeds;
        feeds.begin(id, feed.genesis.clone()).unwrap();
    }
    let plan = |step| plan::plan(&store.state.feeds, store.vault(), step).map(|items| items.len());
    assert_eq!(plan(genesis(&two[0], Step::new())).unwrap(), 1);
    let both = genesis(&two[1], genesis(&two[0], Step::new()));
    let refused = plan(both).unwrap_err();
    assert!(
        matches!(refused, StoreError::Limit("2^18 feeds")),
        "{refused}"
    );
}
