//! What a reader holds of another's feeds, as a file: for a publisher that lost its home, whose next
//! warrant is to name the heads that its readers hold.
//!
//! The file is a title, the publisher's warrant, and the checkpoints that the warrant's signing key
//! signed, each after a line that holds `%` alone: texts that are read in an e-mail, and whose
//! signatures say that the reader made nothing up.

use std::collections::BTreeMap;

use kentong_keys::{MemberName, PublicKey, Warrant, WarrantError};

use super::checkpoint::{Checkpoint, CheckpointError, UnverifiedCheckpoint};
use super::leaf::FeedId;

const TITLE: &str = "kentong heads v1\n";
const BETWEEN: &str = "%\n";

/// The longest checkpoint in such a file: those that are stored have one signature.
const MAX_NOTE: usize = 4096;

/// The heads that a reader holds of one publisher's feeds, each signed by the publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldHeads {
    warrant: Warrant,
    heads: BTreeMap<FeedId, Checkpoint>,
}

/// Why a file does not say what a reader holds of a publisher's feeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeldHeadsError {
    /// It is too long, is no text, or does not begin as such a file does.
    #[error("this is not a file that `kentong peers heads` wrote")]
    Form,
    /// The warrant in it is not the publisher's.
    #[error("the warrant in it: {0}")]
    Warrant(#[from] WarrantError),
    /// A checkpoint in it is not one of the publisher's.
    #[error("checkpoint {0} in it is {1}")]
    Checkpoint(usize, CheckpointError),
    /// A checkpoint is of another publisher or another federation, or a feed stands there twice.
    #[error(
        "checkpoint {0} in it is of another member or federation, or of a feed that has one already"
    )]
    Other(usize),
}

impl HeldHeads {
    /// The most heads.
    pub const MAX_HEADS: usize = Warrant::MAX_HEADS;
    /// The longest file, in bytes.
    pub const MAX_LEN: usize =
        TITLE.len() + Warrant::MAX_LEN + Self::MAX_HEADS * (MAX_NOTE + BETWEEN.len());

    /// Writes what is held: a warrant, and checkpoints that its signing key signed, at most
    /// [`HeldHeads::MAX_HEADS`].
    #[must_use]
    pub fn write<'a>(warrant: &Warrant, notes: impl IntoIterator<Item = &'a str>) -> String {
        let warrant = String::from_utf8_lossy(warrant.note().bytes());
        let mut text = format!("{TITLE}{BETWEEN}{warrant}");
        for note in notes {
            text.push_str(BETWEEN);
            text.push_str(note);
        }
        text
    }

    /// Reads what a reader holds of `member`'s feeds; `root` is the key that the charter gives for the
    /// member.
    pub fn read(
        bytes: &[u8],
        federation: &str,
        member: &MemberName,
        root: &PublicKey,
    ) -> Result<Self, HeldHeadsError> {
        let text = std::str::from_utf8(bytes).ok();
        let text = text.filter(|text| text.len() <= Self::MAX_LEN);
        let text = text.ok_or(HeldHeadsError::Form)?;
        let rest = text
            .strip_prefix(TITLE)
            .and_then(|rest| rest.strip_prefix(BETWEEN));
        let mut parts = rest.ok_or(HeldHeadsError::Form)?.split("\n%\n");
        // The separator began with the newline that ends a note.
        let whole = |part: &str| format!("{}\n", part.strip_suffix('\n').unwrap_or(part));
        let warrant = parts.next().ok_or(HeldHeadsError::Form)?;
        let warrant = Warrant::open(whole(warrant).as_bytes(), member, root)?;
        let mut heads = BTreeMap::new();
        for (number, part) in (1..).zip(parts) {
            if number > Self::MAX_HEADS || part.len() > MAX_NOTE {
                return Err(HeldHeadsError::Form);
            }
            let head = UnverifiedCheckpoint::parse(whole(part).as_bytes())
                .and_then(|head| head.verify(warrant.signing()))
                .map_err(|error| HeldHeadsError::Checkpoint(number, error))?;
            let origin = head.origin();
            let its = origin.federation == federation && origin.publisher == *member;
            if !its || heads.insert(origin.feed, head).is_some() {
                return Err(HeldHeadsError::Other(number));
            }
        }
        Ok(Self { warrant, heads })
    }

    /// The warrant whose signing key signed them.
    #[must_use]
    pub const fn warrant(&self) -> &Warrant {
        &self.warrant
    }

    /// The heads, by feed.
    #[must_use]
    pub const fn heads(&self) -> &BTreeMap<FeedId, Checkpoint> {
        &self.heads
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::{Digest, SigningKey, WarrantTerms};

    use super::*;
    use crate::feed::Origin;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    fn warrant(signing: u8) -> Warrant {
        let terms = WarrantTerms {
            member: "MY".parse().unwrap(),
            serial: 3,
            signing: key(signing).public_key(),
            witness: key(8).public_key(),
            heads: Vec::new(),
            issued: 1,
        };
        Warrant::issue(terms, &key(1)).unwrap()
    }

    fn head(publisher: &str, federation: &str, feed: u8, signing: u8) -> String {
        let origin = Origin {
            federation: federation.to_owned(),
            publisher: publisher.parse().unwrap(),
            feed: FeedId::from_digest(Digest::from_bytes([feed; 32])),
            incarnation: 0,
        };
        let root = Digest::from_bytes([7; 32]);
        let signed = Checkpoint::sign(origin, u64::from(feed) + 1, root, &key(signing));
        String::from_utf8(signed.note().to_vec()).unwrap()
    }

    fn read(text: &str) -> Result<HeldHeads, HeldHeadsError> {
        let root = key(1).public_key();
        HeldHeads::read(text.as_bytes(), "TEST", &"MY".parse().unwrap(), &root)
    }

    #[test]
    fn what_was_written_is_read() {
        let notes = [1, 2].map(|feed| head("MY", "TEST", feed, 2));
        let text = HeldHeads::write(&warrant(2), notes.iter().map(String::as_str));
        let held = read(&text).unwrap();
        assert_eq!(*held.warrant(), warrant(2));
        let sizes: Vec<_> = held.heads().values().map(Checkpoint::size).collect();
        assert_eq!(sizes, [2, 3]);
        let notes = held
            .heads()
            .values()
            .map(|head| std::str::from_utf8(head.note()).unwrap());
        assert_eq!(HeldHeads::write(held.warrant(), notes), text);
        let none = HeldHeads::write(&warrant(2), []);
        assert!(read(&none).unwrap().heads().is_empty());
    }

    #[test]
    fn what_its_publisher_did_not_sign_is_refused() {
        let check = |warrant: &Warrant, notes: &[String], says: &str| {
            let text = HeldHeads::write(warrant, notes.iter().map(String::as_str));
            let error = read(&text).unwrap_err();
            assert!(format!("{error:?}").starts_with(says), "{error:?}");
        };
        let good = head("MY", "TEST", 1, 2);
        check(
            &warrant(2),
            &[good.clone(), head("MY", "TEST", 2, 3)],
            "Checkpoint(2, Signature)",
        );
        check(&warrant(2), &[head("SG", "TEST", 1, 2)], "Other(1)");
        check(&warrant(2), &[head("MY", "OTHER", 1, 2)], "Other(1)");
        check(&warrant(2), &[good.clone(), good], "Other(2)");
        check(
            &warrant(2),
            &["rubbish\n".to_owned()],
            "Checkpoint(1, Note)",
        );
        let text = HeldHeads::write(&warrant(2), []);
        let root = key(9).public_key();
        let other = HeldHeads::read(text.as_bytes(), "TEST", &"MY".parse().unwrap(), &root);
        assert!(
            matches!(other, Err(HeldHeadsError::Warrant(_))),
            "{other:?}"
        );
        for text in ["", "kentong heads v2\n", TITLE] {
            assert_eq!(read(text), Err(HeldHeadsError::Form));
        }
        let long = "x".repeat(MAX_NOTE + 1);
        let text = HeldHeads::write(&warrant(2), [long.as_str()]);
        assert_eq!(read(&text), Err(HeldHeadsError::Form));
    }
}
