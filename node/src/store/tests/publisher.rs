//! Feeds as their publishers write them, and what they say.

use kentong_keys::{BodyContext, EpochKey};
use kentong_protocol::bounded::BoundedText;
use kentong_protocol::feed::{
    Audience, BatchDraft, EpochDraft, FeedId, GenesisLeaf, Leaf, SealedBatch,
};
use kentong_protocol::indicator::{
    Assertion, Confidence, Draft, Kind, Projection, Reading, Scheme, Tlp, Value,
};
use kentong_protocol::statement::{Revision, Said, Statement};
use kentong_protocol::time::Timestamp;

use super::*;

/// A feed as its publisher writes it.
pub(super) struct Feed {
    pub(super) id: FeedId,
    pub(super) genesis: GenesisLeaf,
    pub(super) size: u64,
    pub(super) epoch: u32,
    pub(super) key: EpochKey,
}

impl Feed {
    pub(super) fn new(publisher: &str, readers: &[&str], nonce: u8) -> Self {
        let publisher = name(publisher);
        let readers: Vec<_> = readers.iter().map(|reader| name(reader)).collect();
        let genesis = GenesisLeaf {
            federation: FEDERATION,
            audience: Audience::of(&publisher, &readers).unwrap(),
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

    pub(super) fn leaf(&mut self, leaf: &Leaf, step: Step) -> Step {
        self.size += 1;
        step.leaf(self.id, self.size - 1, leaf.encode())
    }

    /// The genesis and the first epoch, without its key.
    pub(super) fn begin_without_key(&mut self, step: Step) -> Step {
        let genesis = Leaf::Genesis(self.genesis.clone());
        let step = self.leaf(&genesis, step);
        self.next_epoch(step)
    }

    pub(super) fn begin(&mut self, step: Step) -> Step {
        let step = self.begin_without_key(step);
        step.epoch_key(self.id, self.epoch, &self.key)
    }

    pub(super) fn next_epoch(&mut self, step: Step) -> Step {
        self.epoch += 1;
        let leaf = self.epoch_leaf(self.epoch);
        self.leaf(&leaf, step)
    }

    pub(super) fn epoch_leaf(&self, epoch: u32) -> Leaf {
        let draft = EpochDraft {
            federation: &FEDERATION,
            feed: self.id,
            epoch,
            charter_version: 1,
            audience: &self.genesis.audience,
        };
        Leaf::Epoch(draft.seal(&self.key, |_| None))
    }

    pub(super) fn seal(&self, statements: impl IntoIterator<Item = Vec<u8>>) -> SealedBatch {
        let mut draft = BatchDraft::default();
        statements
            .into_iter()
            .for_each(|bytes| draft.push(bytes).unwrap());
        let context = BodyContext {
            federation: &FEDERATION,
            feed: self.id.digest(),
            incarnation: 0,
            index: self.size,
        };
        let salt = [u8::try_from(self.size % 256).unwrap(); 32];
        draft
            .seal(self.epoch, &self.key, &context, (salt, [3; 32]))
            .unwrap()
    }

    /// A batch leaf with its body.
    pub(super) fn batch(
        &mut self,
        statements: impl IntoIterator<Item = Vec<u8>>,
        step: Step,
    ) -> Step {
        let (step, body) = self.batch_apart(statements, step);
        step.body(self.id, self.size - 1, body)
    }

    /// A batch leaf, and its body apart.
    pub(super) fn batch_apart(
        &mut self,
        statements: impl IntoIterator<Item = Vec<u8>>,
        step: Step,
    ) -> (Step, Vec<u8>) {
        let sealed = self.seal(statements);
        (self.leaf(&Leaf::Batch(sealed.leaf), step), sealed.body)
    }
}

pub(super) fn value(number: usize) -> Value {
    Value::parse(
        Kind::Handle,
        &format!("telegram:scammer{number:06}"),
        &Reading::default(),
    )
    .unwrap()
}

pub(super) fn said(number: usize, revision: u32, said: Said) -> Vec<u8> {
    let made = Timestamp::from_seconds(1_700_000_000).unwrap();
    Statement {
        value: value(number),
        revision: Revision::new(revision),
        made,
        said,
    }
    .encode()
}

pub(super) fn assertion(description: &str, last_seen: Option<u64>) -> Assertion {
    let mut draft = Draft::new(
        Scheme::Investment,
        Confidence::try_from(80).unwrap(),
        Tlp::Green,
    );
    draft.description = Some(BoundedText::new(description).unwrap());
    draft.last_seen = last_seen.and_then(Timestamp::from_seconds);
    Assertion::try_from(draft).unwrap()
}

pub(super) fn asserted(number: usize, revision: u32) -> Vec<u8> {
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

pub(super) fn withdrawn(number: usize, revision: u32) -> Vec<u8> {
    said(
        number,
        revision,
        Said::Withdrawn {
            reason: BoundedText::new("in error").unwrap(),
        },
    )
}

/// Three feeds: the own private one, one for SG and TH, and one of SG for MY; with everything
/// that a store can hold.
pub(super) struct Sample {
    pub(super) private: Feed,
    pub(super) shared: Feed,
    pub(super) foreign: Feed,
}

impl Sample {
    pub(super) fn begin(store: &mut Store) -> Self {
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
    pub(super) fn round(&mut self, store: &mut Store, round: usize) {
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
                vec![u8::try_from(round).unwrap()],
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
