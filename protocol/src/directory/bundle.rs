//! What a member hands to the others before there is a charter: its root key, warrant and card in
//! one file.

use kentong_keys::{
    Card, CardError, KeyType, MemberName, PublicKey, Role, VerifierKey, VerifierKeyError, Warrant,
    WarrantError, key_name,
};

use crate::bounded::{BoundedText, TextError};
use crate::charter::MAX_DISPLAY_NAME;

pub(super) const TITLE: &str = "kentong bundle v1\n";
const SEPARATOR: &str = "\n=====\n";

/// A member's display name, root key, warrant and card, which belong together: the root key signed
/// the warrant and the warranted key signed the card.
///
/// That name and root key are the member's is only the file's own word. Anyone who drafts a charter from
/// member files, or signs it, compares the keys with their owners by another way.
///
/// ```text
/// kentong bundle v1
/// name: DISPLAY NAME
/// root: VERIFIER KEY
/// =====
/// WARRANT, a signed note
/// =====
/// CARD, a signed note
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    display_name: BoundedText<MAX_DISPLAY_NAME>,
    root: PublicKey,
    warrant: Warrant,
    card: Card,
}

/// Why bytes are not a member file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// More than [`Bundle::MAX_LEN`] bytes.
    #[error("a member file has at most {max} bytes", max = Bundle::MAX_LEN)]
    TooLong,
    /// Not text, or not the lines that a member file begins with.
    #[error("this is not a member file, which holds a member's warrant and card")]
    NotABundle,
    /// The display name is empty.
    #[error("the member file has no display name")]
    NoDisplayName,
    /// The display name is too long or could rewrite what a terminal shows.
    #[error("the display name: {0}")]
    DisplayName(TextError),
    /// The root key is none.
    #[error("the root key: {0}")]
    RootKey(VerifierKeyError),
    /// The key is not named as a member's root key.
    #[error("the root key is not named kentong/MEMBER/root, or not for signing")]
    NotARootKey,
    /// The warrant is not in order under that root key.
    #[error("the warrant: {0}")]
    Warrant(WarrantError),
    /// The card is not in order under that warrant.
    #[error("the card: {0}")]
    Card(CardError),
}

impl Bundle {
    /// The longest member file, in bytes.
    pub const MAX_LEN: usize = Warrant::MAX_LEN + Card::MAX_LEN + 1024;

    /// Whether these bytes are meant to be a member file, in order or not.
    #[must_use]
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.starts_with(TITLE.as_bytes())
    }

    /// Joins what belongs together.
    pub fn new(
        display_name: &str,
        root: PublicKey,
        warrant: &Warrant,
        card: &Card,
    ) -> Result<Self, BundleError> {
        let parts = (display_name, warrant.member(), root);
        Self::open(parts, warrant.note().bytes(), card.note().bytes())
    }

    /// Reads a member file and checks that its parts belong together.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(BundleError::TooLong);
        }
        let (name, root, warrant, card) = parts(bytes).ok_or(BundleError::NotABundle)?;
        let root: VerifierKey = root.parse().map_err(BundleError::RootKey)?;
        let member = member_of(&root).ok_or(BundleError::NotARootKey)?;
        // The separator began with the newline that ends the warrant.
        let warrant = format!("{warrant}\n");
        Self::open(
            (name, &member, *root.public_key()),
            warrant.as_bytes(),
            card.as_bytes(),
        )
    }

    fn open(
        (display_name, member, root): (&str, &MemberName, PublicKey),
        warrant: &[u8],
        card: &[u8],
    ) -> Result<Self, BundleError> {
        if display_name.trim().is_empty() {
            return Err(BundleError::NoDisplayName);
        }
        let display_name = BoundedText::new(display_name).map_err(BundleError::DisplayName)?;
        let warrant = Warrant::open(warrant, member, &root).map_err(BundleError::Warrant)?;
        let card = Card::open(card, &warrant).map_err(BundleError::Card)?;
        Ok(Self {
            display_name,
            root,
            warrant,
            card,
        })
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> String {
        // The separator begins with the newline that ends the warrant.
        let warrant = self.warrant.note().as_str();
        format!(
            "{TITLE}name: {}\nroot: {}{SEPARATOR}{}{SEPARATOR}{}",
            self.display_name,
            self.root_key(),
            warrant.strip_suffix('\n').unwrap_or(warrant),
            self.card.note()
        )
    }

    /// Whether its warrant, or under the same warrant its card, is newer than another's.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let serials = |bundle: &Self| (bundle.warrant.serial(), bundle.card.serial());
        serials(self) > serials(other)
    }

    /// Whose member file it is.
    #[must_use]
    pub const fn member(&self) -> &MemberName {
        self.warrant.member()
    }

    /// The agency's name, for people.
    #[must_use]
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// The root key.
    #[must_use]
    pub const fn root(&self) -> &PublicKey {
        &self.root
    }

    /// The root key under its name in notes: what people compare.
    #[must_use]
    pub fn root_key(&self) -> VerifierKey {
        let name = key_name(self.member(), Role::Root);
        VerifierKey::new(name, KeyType::Ed25519, self.root)
    }

    /// The warrant.
    #[must_use]
    pub const fn warrant(&self) -> &Warrant {
        &self.warrant
    }

    /// The card.
    #[must_use]
    pub const fn card(&self) -> &Card {
        &self.card
    }
}

/// Display name, root key, warrant without its last newline, and card.
fn parts(bytes: &[u8]) -> Option<(&str, &str, &str, &str)> {
    let rest = std::str::from_utf8(bytes).ok()?.strip_prefix(TITLE)?;
    let (head, rest) = rest.split_once(SEPARATOR)?;
    let (name, root) = head.split_once('\n')?;
    let (warrant, card) = rest.split_once(SEPARATOR)?;
    Some((
        name.strip_prefix("name: ")?,
        root.strip_prefix("root: ")?,
        warrant,
        card,
    ))
}

fn member_of(root: &VerifierKey) -> Option<MemberName> {
    let name = root.name().as_str().strip_prefix("kentong/")?;
    let member = name.strip_suffix("/root")?.parse().ok()?;
    (root.key_type() == KeyType::Ed25519).then_some(member)
}
