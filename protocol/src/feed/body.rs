//! The body of a batch: statements in compressed frames, padded and sealed.
//!
//! Opened, a body is: the length of its content (u32, big-endian), the content (canonical CBOR:
//! version, seed of the salts, frames), and zeroes up to the Padmé length. A frame is the zstd
//! form of a CBOR array of up to 64 statements, each a byte string, so that one look-up inflates
//! one frame and a statement that does not decode spoils only itself.

use std::fmt;

use kentong_keys::{BodyContext, Digest, EpochKey, Label, open_body, statement_salt};
use serde_bytes::ByteBuf;

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::encoding;
use crate::statement::MAX_STATEMENT;

use super::leaf::BatchLeaf;
use super::padding::padded;
use super::tree::{Tree, leaf_hash};

/// The most statements of one batch.
pub const MAX_BATCH_STATEMENTS: usize = 1024;
/// The most bytes that the statements of one batch have together.
pub const MAX_BATCH_BYTES: usize = 512 * 1024;
/// The most statements of one frame.
pub const FRAME_STATEMENTS: usize = 64;
/// The longest sealed body: incompressible statements, their framing and the padding.
pub const MAX_BODY: usize = 640 * 1024;

/// zstd, without a dictionary.
pub(super) const ZSTD: u8 = 1;
/// A CBOR array of 64 byte strings, each with at most 3 bytes of head, of a full batch.
const MAX_FRAME: usize = MAX_BATCH_BYTES + 4 * FRAME_STATEMENTS;
/// The most frames of a body: one for each statement.
const MAX_FRAMES: usize = MAX_BATCH_STATEMENTS;

const VERSION: u8 = 1;
const BODY: Label = Label::new("kentong/body-hash/1");
const STATEMENT: Label = Label::new("kentong/statement/1");

pub(super) type Content = (
    u8,
    serde_bytes::ByteArray<32>,
    BoundedVec<BoundedBytes<MAX_FRAME>, MAX_FRAMES>,
);
pub(super) type Frame = BoundedVec<BoundedBytes<MAX_STATEMENT>, FRAME_STATEMENTS>;

/// What is wrong with a body. It stops nothing: the index and the reason are recorded, and reading
/// goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum BodyError {
    /// Its length or hash is not what the leaf says. The relay's fault.
    #[error("the body is not the one that its leaf names")]
    Hash,
    /// The key that the epoch leaf committed to does not open it.
    #[error("the body does not open with its epoch's key")]
    Seal,
    /// A codec or dictionary of a later version.
    #[error("the body is compressed in a way that this version does not know")]
    Codec,
    /// Not of the form that a body has.
    #[error("the body is not of a body's form")]
    Form,
    /// A frame does not inflate within its bound, or not to a frame.
    #[error("a frame of the body does not inflate")]
    Frame,
    /// It holds another number of statements than its leaf says.
    #[error("the body holds another number of statements than its leaf says")]
    Count,
    /// It opens to other statements than those that its leaf commits to.
    #[error("the body opens to other statements than its leaf commits to")]
    Root,
}

/// The labelled hash by which a leaf names its sealed body.
pub(super) fn body_hash(sealed: &[u8]) -> Digest {
    Digest::labelled(BODY, &[sealed])
}

/// The hash of a statement as a leaf of its batch's tree: salted, so that the other leaves tell
/// nothing when one is disclosed.
pub(super) fn statement_hash(salt: &[u8; 32], statement: &[u8]) -> Digest {
    leaf_hash(Digest::labelled(STATEMENT, &[salt, statement]).as_bytes())
}

/// What a leaf says of its sealed body, by which it is told from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BodyId {
    hash: Digest,
    len: u32,
}

impl BodyId {
    /// That of a sealed body, none if it is longer than a leaf can say.
    #[must_use]
    pub fn of(sealed: &[u8]) -> Option<Self> {
        Some(Self {
            hash: body_hash(sealed),
            len: u32::try_from(sealed.len()).ok()?,
        })
    }

    /// Whether a sealed body has the right length, which costs less to know than the rest.
    #[must_use]
    pub const fn fits(&self, sealed: &[u8]) -> bool {
        sealed.len() == self.len as usize
    }

    /// The length of the sealed body, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.len as u64
    }
}

impl BatchLeaf {
    /// What this leaf says of its sealed body.
    #[must_use]
    pub const fn body_id(&self) -> BodyId {
        BodyId {
            hash: self.body_hash,
            len: self.body_len,
        }
    }

    /// Checks that a sealed body is the one that this leaf names.
    pub fn check_body(&self, sealed: &[u8]) -> Result<(), BodyError> {
        let id = self.body_id();
        if id.fits(sealed) && BodyId::of(sealed) == Some(id) {
            Ok(())
        } else {
            Err(BodyError::Hash)
        }
    }

    /// Decrypts a body without checking what it holds against the root: for one's own reading of
    /// what [`open`](Self::open) has accepted before.
    pub fn decrypt(
        &self,
        key: &EpochKey,
        context: &BodyContext<'_>,
        sealed: Vec<u8>,
    ) -> Result<OpenBody, BodyError> {
        if self.codec != ZSTD || self.dictionary != 0 {
            return Err(BodyError::Codec);
        }
        let open = open_body(key, &self.salt, context, sealed).map_err(|_| BodyError::Seal)?;
        let (seed, frames) = content(&open).ok_or(BodyError::Form)?;
        // Each frame may inflate to half a MiB, so none is inflated that cannot belong there.
        if frames.len() != usize::from(self.count).div_ceil(FRAME_STATEMENTS) {
            return Err(BodyError::Count);
        }
        Ok(OpenBody {
            seed,
            frames,
            count: usize::from(self.count),
        })
    }

    /// Decrypts a body and checks that it holds what this leaf commits to.
    pub fn open(
        &self,
        key: &EpochKey,
        context: &BodyContext<'_>,
        sealed: Vec<u8>,
    ) -> Result<(OpenBody, Vec<Vec<u8>>), BodyError> {
        let body = self.decrypt(key, context, sealed)?;
        let mut statements = Vec::with_capacity(usize::from(self.count));
        for number in 0..body.frames.len() {
            let frame = body.frame(number)?;
            let last = number.saturating_add(1) == body.frames.len();
            if frame.is_empty() || (!last && frame.len() != FRAME_STATEMENTS) {
                return Err(BodyError::Count);
            }
            statements.extend(frame);
        }
        if statements.len() != usize::from(self.count) {
            return Err(BodyError::Count);
        }
        if body.root(&statements) != self.statements_root {
            return Err(BodyError::Root);
        }
        Ok((body, statements))
    }
}

/// A decrypted body, its frames still compressed.
pub struct OpenBody {
    seed: [u8; 32],
    frames: Vec<Vec<u8>>,
    count: usize,
}

impl OpenBody {
    /// The bytes of the statement at `place` in the batch.
    pub fn statement(&self, place: usize) -> Result<Vec<u8>, BodyError> {
        if place >= self.count {
            return Err(BodyError::Count);
        }
        let mut frame = self.frame(place / FRAME_STATEMENTS)?;
        if place % FRAME_STATEMENTS >= frame.len() {
            return Err(BodyError::Count);
        }
        Ok(frame.swap_remove(place % FRAME_STATEMENTS))
    }

    /// The bytes of the statements of one frame; statement `i` of the batch is in frame `i / 64`.
    pub fn frame(&self, number: usize) -> Result<Vec<Vec<u8>>, BodyError> {
        let packed = self.frames.get(number).ok_or(BodyError::Count)?;
        let plain = zstd::bulk::decompress(packed, MAX_FRAME).map_err(|_| BodyError::Frame)?;
        let frame: Frame = encoding::decode(&plain, MAX_FRAME).map_err(|_| BodyError::Frame)?;
        Ok(frame
            .into_vec()
            .into_iter()
            .map(BoundedBytes::into_vec)
            .collect())
    }

    /// How many frames it has.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// The seed of the statements' salts: needed to disclose one of them alone.
    #[must_use]
    pub const fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    fn root(&self, statements: &[Vec<u8>]) -> Digest {
        statements_root(&self.seed, statements)
    }
}

impl fmt::Debug for OpenBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenBody({} statements)", self.count)
    }
}

/// The Merkle root over the salted hashes of the statements.
pub(super) fn statements_root(seed: &[u8; 32], statements: &[Vec<u8>]) -> Digest {
    let hashes = (0_u32..).zip(statements);
    Tree::over(hashes.map(|(i, bytes)| statement_hash(&statement_salt(seed, i), bytes))).root()
}

/// Splits an opened body into seed and frames, refusing any padding but the one.
fn content(open: &[u8]) -> Option<([u8; 32], Vec<Vec<u8>>)> {
    let (length, rest) = open.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let (bytes, padding) = rest.split_at_checked(length)?;
    if open.len() != padded(length.saturating_add(4)) || padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    let (version, seed, frames): Content = encoding::decode(bytes, MAX_BODY).ok()?;
    if version != VERSION || frames.is_empty() {
        return None;
    }
    let frames = frames
        .into_vec()
        .into_iter()
        .map(BoundedBytes::into_vec)
        .collect();
    Some((seed.into_array(), frames))
}

/// The plain form of a body, padded: what is sealed.
pub(super) fn plain(seed: [u8; 32], statements: &[Vec<u8>]) -> Vec<u8> {
    let frames = statements.chunks(FRAME_STATEMENTS).map(|frame| {
        let frame: Vec<ByteBuf> = frame.iter().map(|s| ByteBuf::from(s.clone())).collect();
        let packed = zstd::bulk::compress(&encoding::encode(&frame), LEVEL);
        ByteBuf::from(packed.expect("compressing memory into memory only fails without memory"))
    });
    let frames: Vec<ByteBuf> = frames.collect();
    let bytes = encoding::encode(&(VERSION, serde_bytes::ByteArray::new(seed), frames));
    let length = u32::try_from(bytes.len()).expect("a batch is bounded far below 4 GiB");
    let mut open = Vec::with_capacity(padded(bytes.len().saturating_add(4)));
    open.extend_from_slice(&length.to_be_bytes());
    open.extend_from_slice(&bytes);
    open.resize(padded(open.len()), 0);
    open
}

/// zstd's default level: 580 MB/s in and 1.6 GB/s out on one core.
const LEVEL: i32 = 3;
