//! Feeds as their publishers write them, what they say, and all that a store answers: for tests of the
//! store over whatever log and rows.

use std::fmt::Write as _;

use kentong_keys::{BodyContext, Digest, EpochKey, MemberName};

use crate::bounded::BoundedText;
use crate::feed::{
    Audience, BatchDraft, EpochDraft, FeedId, GenesisLeaf, Leaf, SealedBatch, leaf_hash,
};
use crate::indicator::{
    Assertion, Confidence, Fields, Kind, Projection, Reading, Scheme, Tlp, Value,
};
use crate::statement::{Revision, Said, Statement};
use crate::time::Timestamp;

use super::{Applied, Disposition, Durably, Log, OwnEntry, Rows, Step, Store};

/// The federation of all samples.
pub const FEDERATION: Digest = Digest::from_bytes([9; 32]);

/// A member's name.
#[must_use]
pub fn name(text: &str) -> MemberName {
    text.parse().expect("a sample is well formed")
}

/// A feed as its publisher writes it.
#[derive(Debug)]
pub struct Feed {
    /// Its id.
    pub id: FeedId,
    /// Its first leaf.
    pub genesis: GenesisLeaf,
    /// How many leaves were written.
    pub size: u64,
    /// The number of its present epoch.
    pub epoch: u32,
    /// The key of its present epoch.
    pub key: EpochKey,
}

impl Feed {
    /// A feed of which nothing is written yet.
    pub fn new(publisher: &str, readers: &[&str], nonce: u8) -> Self {
        let publisher = name(publisher);
        let readers: Vec<_> = readers.iter().map(|reader| name(reader)).collect();
        let genesis = GenesisLeaf {
            federation: FEDERATION,
            audience: Audience::of(&publisher, &readers).expect("a sample is well formed"),
            publisher,
            charter_version: 1,
            incarnation: 0,
            nonce: [nonce; 16],
        };
        let key = EpochKey::from_secret([nonce; 32]);
        Self {
            id: genesis.feed_id(),
            genesis,
            size: 0,
            epoch: 0,
            key,
        }
    }

    /// The next leaf.
    pub fn leaf(&mut self, leaf: &Leaf, step: Step) -> Step {
        self.size += 1;
        step.leaf(self.id, self.size - 1, leaf.encode())
    }

    /// The genesis and the first epoch, without its key.
    pub fn begin_without_key(&mut self, step: Step) -> Step {
        let genesis = Leaf::Genesis(self.genesis.clone());
        let step = self.leaf(&genesis, step);
        self.next_epoch(step)
    }

    /// The genesis and the first epoch.
    pub fn begin(&mut self, step: Step) -> Step {
        let step = self.begin_without_key(step);
        step.epoch_key(self.id, self.epoch, &self.key)
    }

    /// The leaf of another epoch, under the same key.
    pub fn next_epoch(&mut self, step: Step) -> Step {
        self.epoch += 1;
        let leaf = self.epoch_leaf(self.epoch);
        self.leaf(&leaf, step)
    }

    /// The leaf of an epoch.
    pub fn epoch_leaf(&self, epoch: u32) -> Leaf {
        let draft = EpochDraft {
            federation: &FEDERATION,
            feed: self.id,
            epoch,
            charter_version: 1,
            audience: &self.genesis.audience,
        };
        Leaf::Epoch(draft.seal(&self.key, |_| None))
    }

    /// A batch as the next leaf, sealed.
    pub fn seal(&self, statements: impl IntoIterator<Item = Vec<u8>>) -> SealedBatch {
        let mut draft = BatchDraft::default();
        statements
            .into_iter()
            .for_each(|bytes| draft.push(bytes).expect("a sample is well formed"));
        let context = BodyContext {
            federation: &FEDERATION,
            feed: self.id.digest(),
            incarnation: 0,
            index: self.size,
        };
        let salt = [u8::try_from(self.size % 256).expect("a sample is well formed"); 32];
        draft
            .seal(self.epoch, &self.key, &context, (salt, [3; 32]))
            .expect("a sample is well formed")
    }

    /// A batch leaf with its body.
    pub fn batch(&mut self, statements: impl IntoIterator<Item = Vec<u8>>, step: Step) -> Step {
        let (step, body) = self.batch_apart(statements, step);
        step.body(self.id, self.size - 1, body)
    }

    /// A batch leaf, and its body apart.
    pub fn batch_apart(
        &mut self,
        statements: impl IntoIterator<Item = Vec<u8>>,
        step: Step,
    ) -> (Step, Vec<u8>) {
        let sealed = self.seal(statements);
        (self.leaf(&Leaf::Batch(sealed.leaf), step), sealed.body)
    }
}

/// The value of an indicator.
pub fn value(number: usize) -> Value {
    Value::parse(
        Kind::Handle,
        &format!("telegram:scammer{number:06}"),
        &Reading::default(),
    )
    .expect("a sample is well formed")
}

/// What a statement says of an indicator, as bytes.
pub fn said(number: usize, revision: u32, said: Said) -> Vec<u8> {
    let made = Timestamp::from_seconds(1_700_000_000).expect("a sample is well formed");
    Statement {
        value: value(number),
        revision: Revision::new(revision),
        made,
        said,
    }
    .encode()
}

/// An assertion.
pub fn assertion(description: &str, last_seen: Option<u64>) -> Assertion {
    let mut draft = Fields::new(
        Scheme::Investment,
        Confidence::try_from(80).expect("a sample is well formed"),
        Tlp::Green,
    );
    draft.description = Some(BoundedText::new(description).expect("a sample is well formed"));
    draft.last_seen = last_seen.and_then(Timestamp::from_seconds);
    Assertion::try_from(draft).expect("a sample is well formed")
}

/// A statement that asserts an indicator.
pub fn asserted(number: usize, revision: u32) -> Vec<u8> {
    let assertion = Box::new(assertion(&format!("in its {revision}th form"), None));
    said(
        number,
        revision,
        Said::Asserted {
            assertion,
            stripped: Projection::NOTHING,
        },
    )
}

/// A statement that withdraws one.
pub fn withdrawn(number: usize, revision: u32) -> Vec<u8> {
    said(
        number,
        revision,
        Said::Withdrawn {
            reason: BoundedText::new("in error").expect("a sample is well formed"),
        },
    )
}

/// Three feeds: the own private one, one for SG and TH, and one of SG for MY; with everything
/// that a store can hold.
#[derive(Debug)]
pub struct Sample {
    /// Of MY, for itself.
    pub private: Feed,
    /// Of MY, for SG and TH.
    pub shared: Feed,
    /// Of SG, for MY.
    pub foreign: Feed,
}

impl Sample {
    /// Begins the three.
    pub fn begin<L: Log, R: Rows>(store: &mut Store<L, R>) -> Self {
        let mut sample = Self {
            private: Feed::new("MY", &[], 1),
            shared: Feed::new("MY", &["SG", "TH"], 2),
            foreign: Feed::new("SG", &["MY"], 3),
        };
        let step = sample.private.begin(Step::new());
        let step = sample.shared.begin(step);
        commit(store, sample.foreign.begin(step));
        sample
    }

    /// One round: a batch in each feed, of statements about values of this round.
    pub fn round<L: Log, R: Rows>(&mut self, store: &mut Store<L, R>, round: usize) {
        let numbers = round * 300..round * 300 + 300;
        let all = || numbers.clone().map(|number| asserted(number, 1));
        commit(store, self.private.batch(all(), Step::new()));
        let step = self.shared.batch(all().take(70), Step::new());
        let step = step.disposition(
            self.shared.id,
            self.shared.size - 1,
            Disposition {
                reason: 3,
                places: vec![1, 2],
            },
        );
        commit(
            store,
            step.receipt(
                name("SG"),
                self.shared.id,
                vec![u8::try_from(round).expect("a sample is well formed")],
            ),
        );
        let odd = numbers.clone().filter(|number| number % 2 == 1);
        let step = self
            .foreign
            .batch(odd.map(|number| asserted(number, 1)), Step::new());
        commit(store, step);
        let note = format!("a note over {}", self.private.size).into_bytes();
        let step = Step::new().checkpoint(self.private.id, note, self.private.size);
        commit(store, step);
    }
}

/// Commits a step that fits.
pub fn commit<L: Log, R: Rows>(store: &mut Store<L, R>, step: Step) -> Applied {
    store.commit(step, Durably::Synced).expect("the step fits")
}

/// All that a store answers, as text: equal for two stores that answer alike.
#[must_use]
pub fn answers<L: Log, R: Rows>(store: &Store<L, R>) -> String {
    let mut text = String::new();
    for feed in store.feeds().iter() {
        let (id, size, root) = (feed.id(), feed.size(), feed.tree().root());
        writeln!(text, "{:?} {id} {size} {root}", feed.number()).expect("a sample answers");
        writeln!(text, "{:?} {}", feed.checkpoint(), feed.statements()).expect("a sample answers");
        writeln!(text, "{} {}", feed.applied_to(), feed.is_closed()).expect("a sample answers");
        writeln!(text, "keeps {} bytes", feed.kept_bytes()).expect("a sample answers");
        for (epoch, state) in feed.epochs() {
            let key = store.epoch_key(id, *epoch).expect("a sample answers");
            let key = key.map(|key| Digest::from_bytes(*key.secret().expose()).short());
            writeln!(
                text,
                "  {epoch} {} {} {key:?}",
                state.index, state.commitment
            )
            .expect("a sample answers");
        }
        for index in 0..size {
            let leaf = store.leaf(id, index).expect("a sample answers");
            let leaf = leaf_hash(&leaf).short();
            let body = store.body(id, index).map(|body| body.len()).ok();
            let others = (
                store.refused(id, index).expect("a sample answers"),
                store.dispositions(id, index).expect("a sample answers"),
            );
            writeln!(
                text,
                "  {index} {leaf} {:?} {body:?} {others:?}",
                feed.body(index)
            )
            .expect("a sample answers");
        }
        for peer in ["SG", "TH"] {
            writeln!(
                text,
                "  {peer} {:?}",
                store.receipt(id, &name(peer)).expect("a sample answers")
            )
            .expect("a sample answers");
        }
    }
    for found in store.scan(|_| true) {
        let (place, statement) = found.expect("a sample answers");
        let others = store.find(statement.value.kind(), &statement.value.comparison_key());
        assert_eq!(
            store.statement(place).expect("a sample answers").0,
            statement
        );
        writeln!(
            text,
            "{place:?} {:?} {:?} {others:?}",
            statement.value, statement.said
        )
        .expect("a sample answers");
    }
    let own = store.own().expect("a sample answers");
    let rows = own.iter().map(|row| {
        // Numbers of carried sets mean nothing outside one table.
        let carried = own.carried(row.carried);
        format!(
            "{carried:?} {:?}",
            OwnEntry {
                carried: own.empty_set(),
                ..row
            }
        )
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    text + &rows.join("\n")
}
