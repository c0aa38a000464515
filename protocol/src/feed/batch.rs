//! Making a batch: gather statements, seal them once.

use kentong_keys::{BodyContext, EpochKey, seal_body};

use super::body::{MAX_BATCH_BYTES, MAX_BATCH_STATEMENTS, ZSTD, body_hash, plain, statements_root};
use super::leaf::BatchLeaf;

/// Statements that wait to be sealed together.
#[derive(Debug, Default)]
pub struct BatchDraft {
    statements: Vec<Vec<u8>>,
    bytes: usize,
}

/// A leaf and the body that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    /// What the feed carries.
    pub leaf: BatchLeaf,
    /// What travels and is stored beside it.
    pub body: Vec<u8>,
}

impl BatchDraft {
    /// Statements in as few batches as hold them, in their order; none of no statements.
    #[must_use]
    pub fn holding(statements: Vec<Vec<u8>>) -> Vec<Self> {
        let (mut full, mut draft) = (Vec::new(), Self::default());
        for statement in statements {
            if let Err(statement) = draft.push(statement) {
                full.push(std::mem::take(&mut draft));
                draft
                    .push(statement)
                    .expect("an empty batch takes any statement");
            }
        }
        if !draft.is_empty() {
            full.push(draft);
        }
        full
    }

    /// Adds a statement's canonical bytes, or gives them back when the batch is full.
    pub fn push(&mut self, statement: Vec<u8>) -> Result<(), Vec<u8>> {
        let full = self.statements.len() == MAX_BATCH_STATEMENTS
            || self.bytes.saturating_add(statement.len()) > MAX_BATCH_BYTES;
        if full && !self.statements.is_empty() {
            return Err(statement);
        }
        self.bytes = self.bytes.saturating_add(statement.len());
        self.statements.push(statement);
        Ok(())
    }

    /// How many statements wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Seals the statements; none if there are none. `salt` and `seed` are fresh random bytes: a
    /// second attempt at the same index takes others, so that no key is used twice.
    #[must_use]
    pub fn seal(
        self,
        epoch: u32,
        key: &EpochKey,
        context: &BodyContext<'_>,
        (salt, seed): ([u8; 32], [u8; 32]),
    ) -> Option<SealedBatch> {
        let count = u16::try_from(self.statements.len())
            .ok()
            .filter(|count| *count > 0)?;
        let body = seal_body(key, &salt, context, plain(seed, &self.statements));
        let leaf = BatchLeaf {
            epoch,
            codec: ZSTD,
            dictionary: 0,
            salt,
            count,
            statements_root: statements_root(&seed, &self.statements),
            body_hash: body_hash(&body),
            body_len: u32::try_from(body.len()).ok()?,
        };
        Some(SealedBatch { leaf, body })
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::{Digest, Label};

    use super::*;
    use crate::feed::{BodyError, FRAME_STATEMENTS, Leaf};

    const TEST: Label = Label::new("kentong/test/1");

    fn statements(count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|i| format!("statement number {i}").into_bytes())
            .collect()
    }

    fn sealed(statements: &[Vec<u8>], key: &EpochKey, context: &BodyContext<'_>) -> SealedBatch {
        let mut draft = BatchDraft::default();
        statements
            .iter()
            .for_each(|s| draft.push(s.clone()).unwrap());
        draft.seal(1, key, context, ([1; 32], [2; 32])).unwrap()
    }

    #[test]
    fn statements_fill_one_batch_after_another() {
        let lens = |statements: Vec<Vec<u8>>| {
            let all: Vec<_> = statements.clone();
            let batches = BatchDraft::holding(statements);
            let lens: Vec<_> = batches.iter().map(BatchDraft::len).collect();
            let again: Vec<_> = batches.into_iter().flat_map(|one| one.statements).collect();
            assert_eq!(again, all);
            lens
        };
        let most = MAX_BATCH_STATEMENTS;
        assert_eq!(lens(Vec::new()), [0; 0]);
        assert_eq!(lens(statements(most)), [most]);
        assert_eq!(lens(statements(2 * most + 1)), [most, most, 1]);
        assert_eq!(lens(vec![vec![0; MAX_BATCH_BYTES / 2 + 1]; 3]), [1, 1, 1]);
    }

    #[test]
    fn opens_to_what_was_sealed_and_each_fault_has_its_name() {
        let (federation, feed) = (
            Digest::labelled(TEST, &[b"a"]),
            Digest::labelled(TEST, &[b"b"]),
        );
        let here = BodyContext {
            federation: &federation,
            feed: &feed,
            incarnation: 0,
            index: 7,
        };
        let key = EpochKey::from_secret([3; 32]);
        for count in [
            1,
            FRAME_STATEMENTS,
            FRAME_STATEMENTS + 1,
            MAX_BATCH_STATEMENTS,
        ] {
            let all = statements(count);
            let SealedBatch { leaf, body } = sealed(&all, &key, &here);
            assert_eq!(leaf.check_body(&body), Ok(()));
            let (open, back) = leaf.open(&key, &here, body.clone()).unwrap();
            assert_eq!(back, all);
            assert_eq!(open.statement(count - 1).unwrap(), all[count - 1]);
            assert_eq!(open.statement(count), Err(BodyError::Count));
            let bytes = Leaf::Batch(leaf.clone()).encode();
            assert_eq!(Leaf::decode(&bytes), Ok(Leaf::Batch(leaf)));
        }
        let SealedBatch { leaf, body } = sealed(&statements(70), &key, &here);
        let open = |leaf: &BatchLeaf, key: &EpochKey, context: &BodyContext<'_>, body: &[u8]| {
            leaf.open(key, context, body.to_vec())
                .map(|_| ())
                .unwrap_err()
        };
        let mut wrong = body.clone();
        wrong[9] ^= 1;
        assert_eq!(leaf.check_body(&wrong), Err(BodyError::Hash));
        assert_eq!(leaf.check_body(&body[1..]), Err(BodyError::Hash));
        assert_eq!(open(&leaf, &key, &here, &wrong), BodyError::Seal);
        let other = EpochKey::from_secret([4; 32]);
        assert_eq!(open(&leaf, &other, &here, &body), BodyError::Seal);
        let there = BodyContext { index: 8, ..here };
        assert_eq!(open(&leaf, &key, &there, &body), BodyError::Seal);
        let codec = BatchLeaf { codec: 9, ..leaf };
        assert_eq!(open(&codec, &key, &here, &body), BodyError::Codec);
        let dictionary = BatchLeaf {
            dictionary: 1,
            ..leaf
        };
        assert_eq!(open(&dictionary, &key, &here, &body), BodyError::Codec);
        let count = BatchLeaf { count: 71, ..leaf };
        assert_eq!(open(&count, &key, &here, &body), BodyError::Count);
        let root = BatchLeaf {
            statements_root: federation,
            ..leaf
        };
        assert_eq!(open(&root, &key, &here, &body), BodyError::Root);
        let reseal = |plain: Vec<u8>| seal_body(&key, &leaf.salt, &here, plain);
        assert_eq!(
            open(&leaf, &key, &here, &reseal(vec![0; 1024])),
            BodyError::Form
        );
        let mut padded = plain([2; 32], &statements(70));
        *padded.last_mut().unwrap() = 1;
        assert_eq!(open(&leaf, &key, &here, &reseal(padded)), BodyError::Form);
        let mut longer = plain([2; 32], &statements(70));
        longer.push(0);
        assert_eq!(open(&leaf, &key, &here, &reseal(longer)), BodyError::Form);
        assert_eq!(open(&leaf, &key, &here, &reseal(bomb())), BodyError::Frame);
    }

    /// A body whose frames inflate to far more than a frame may have.
    fn bomb() -> Vec<u8> {
        let frame = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
        let frame = serde_bytes::ByteBuf::from(frame);
        let seed = serde_bytes::ByteArray::new([2_u8; 32]);
        let bytes = crate::encoding::encode(&(1_u8, seed, [&frame, &frame]));
        let mut open = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
        open.extend(bytes);
        open.resize(crate::feed::padding::padded(open.len()), 0);
        open
    }

    #[test]
    fn is_full_by_number_and_by_bytes() {
        let mut draft = BatchDraft::default();
        (0..MAX_BATCH_STATEMENTS).for_each(|_| draft.push(vec![1]).unwrap());
        assert_eq!(draft.push(vec![1]), Err(vec![1]));
        let mut draft = BatchDraft::default();
        let large = vec![0; 16 * 1024];
        let fits = MAX_BATCH_BYTES / large.len();
        (0..fits).for_each(|_| draft.push(large.clone()).unwrap());
        assert!(draft.push(large).is_err());
        assert!(
            BatchDraft::default()
                .seal(
                    1,
                    &EpochKey::from_secret([0; 32]),
                    &BodyContext {
                        federation: &Digest::from_bytes([0; 32]),
                        feed: &Digest::from_bytes([0; 32]),
                        incarnation: 0,
                        index: 0
                    },
                    ([0; 32], [0; 32])
                )
                .is_none()
        );
    }
}
