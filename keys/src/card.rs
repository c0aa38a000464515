//! Cards: a member says where it is reached and what to seal to.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::form::{Form, FormError};
use crate::{
    KeyType, MemberName, Note, NoteError, NoteVerifyError, PeerIdText, Role, SealingKey,
    SealingKeyError, SigningKey, VerifierKey, Warrant, key_name,
};

const TITLE: &str = "kentong card v1";

/// How many characters of base64 stand on one line.
const FOLD: usize = 64;

/// What a card says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardTerms {
    /// Whose card.
    pub member: MemberName,
    /// The highest serial under the current warrant wins.
    pub serial: u64,
    /// What to seal epoch keys to.
    pub sealing: SealingKey,
    /// The peer id in use.
    pub peer: PeerIdText,
    /// The peer id that will be used next, announced ahead.
    pub next_peer: Option<PeerIdText>,
    /// Where the node is reached, the best first.
    pub addresses: Vec<AddressText>,
    /// When the card was issued, in Unix seconds.
    pub issued: u64,
}

/// A card whose signatures were checked: by the warranted signing key, and by each transport key
/// that it names. Without the latter a member could put another's peer id on its own card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    terms: CardTerms,
    note: Note,
}

impl Card {
    /// The longest card, in bytes, with its signatures.
    pub const MAX_LEN: usize = 16 << 10;
    /// The most addresses.
    pub const MAX_ADDRESSES: usize = 8;

    /// Writes a card and signs it by the member's signing key and by the keys of its peer ids,
    /// which must be among `transport`.
    pub fn issue(
        terms: CardTerms,
        signing: &SigningKey,
        transport: &[&SigningKey],
    ) -> Result<Self, CardError> {
        check_terms(&terms)?;
        let name = key_name(&terms.member, Role::Signing);
        let peer_name = key_name(&terms.member, Role::Transport);
        let mut signers = vec![(&name, signing)];
        for peer in terms.peer_ids() {
            let key = transport
                .iter()
                .find(|key| key.public_key() == *peer.public_key());
            let key = key.ok_or_else(|| unproven(peer, NoteVerifyError::NotSigned))?;
            signers.push((&peer_name, key));
        }
        let note = Note::sign(&terms.text(), &signers)?;
        Ok(Self { terms, note })
    }

    /// Reads the card of the member whose warrant this is.
    pub fn open(bytes: &[u8], warrant: &Warrant) -> Result<Self, CardError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(CardError::TooLong);
        }
        let note = Note::parse(bytes)?;
        let key = VerifierKey::new(
            key_name(warrant.member(), Role::Signing),
            KeyType::Ed25519,
            *warrant.signing(),
        );
        note.is_signed_by(&key)?;
        let terms = CardTerms::read(note.text())?;
        if terms.member != *warrant.member() {
            return Err(CardError::OtherMember(terms.member));
        }
        check_terms(&terms)?;
        for peer in terms.peer_ids() {
            let name = key_name(warrant.member(), Role::Transport);
            let key = VerifierKey::new(name, KeyType::Ed25519, *peer.public_key());
            note.is_signed_by(&key).map_err(|why| unproven(peer, why))?;
        }
        Ok(Self { terms, note })
    }

    /// Whose card it is.
    #[must_use]
    pub const fn member(&self) -> &MemberName {
        &self.terms.member
    }

    /// The serial; the highest under the current warrant wins.
    #[must_use]
    pub const fn serial(&self) -> u64 {
        self.terms.serial
    }

    /// What to seal epoch keys to.
    #[must_use]
    pub const fn sealing(&self) -> &SealingKey {
        &self.terms.sealing
    }

    /// The peer id in use.
    #[must_use]
    pub const fn peer(&self) -> &PeerIdText {
        &self.terms.peer
    }

    /// The peer id that will be used next.
    #[must_use]
    pub const fn next_peer(&self) -> Option<&PeerIdText> {
        self.terms.next_peer.as_ref()
    }

    /// Both peer ids: the one in use, then the next.
    pub fn peer_ids(&self) -> impl Iterator<Item = &PeerIdText> {
        self.terms.peer_ids()
    }

    /// Where the node is reached, the best first.
    #[must_use]
    pub fn addresses(&self) -> &[AddressText] {
        &self.terms.addresses
    }

    /// When it was issued, in Unix seconds.
    #[must_use]
    pub const fn issued(&self) -> u64 {
        self.terms.issued
    }

    /// The signed note, as it is passed on.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }
}

fn check_terms(terms: &CardTerms) -> Result<(), CardError> {
    if terms.next_peer.as_ref() == Some(&terms.peer) {
        return Err(CardError::SamePeer);
    }
    if terms.addresses.len() > Card::MAX_ADDRESSES {
        return Err(CardError::TooManyAddresses);
    }
    let mut others = terms.addresses.as_slice();
    while let Some((first, rest)) = others.split_first() {
        if rest.contains(first) {
            return Err(CardError::RepeatedAddress(first.clone()));
        }
        others = rest;
    }
    Ok(())
}

fn unproven(peer: &PeerIdText, why: NoteVerifyError) -> CardError {
    CardError::Unproven {
        peer: peer.clone(),
        why,
    }
}

impl CardTerms {
    fn peer_ids(&self) -> impl Iterator<Item = &PeerIdText> {
        std::iter::once(&self.peer).chain(&self.next_peer)
    }

    fn text(&self) -> String {
        self.write().expect("writing to a string succeeds")
    }

    fn write(&self) -> Result<String, fmt::Error> {
        let mut text = format!(
            "{TITLE}\nmember: {}\nserial: {}\n",
            self.member, self.serial
        );
        let encoded = BASE64_STANDARD.encode(self.sealing.as_bytes());
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(FOLD));
            writeln!(text, "sealing: {line}")?;
            rest = after;
        }
        writeln!(text, "peer: {}", self.peer)?;
        if let Some(next) = &self.next_peer {
            writeln!(text, "next-peer: {next}")?;
        }
        for address in &self.addresses {
            writeln!(text, "address: {address}")?;
        }
        writeln!(text, "issued: {}", self.issued)?;
        Ok(text)
    }

    fn read(text: &str) -> Result<Self, CardError> {
        let mut form = Form::read(text, TITLE)?;
        let member = form.parsed("member")?;
        let serial = form.parsed("serial")?;
        let mut encoded = form.field("sealing")?.to_owned();
        // A longer key than one can be is refused by its length below.
        while encoded.len() <= 2 * SealingKey::LEN
            && let Some(line) = form.optional("sealing")
        {
            encoded.push_str(line);
        }
        let sealing = BASE64_STANDARD
            .decode(encoded)
            .map_err(|_| FormError::Value("sealing"))?;
        let sealing = SealingKey::from_bytes(&sealing)?;
        let peer = form.parsed("peer")?;
        let next_peer = form
            .optional("next-peer")
            .map(str::parse)
            .transpose()
            .map_err(|_| FormError::Value("next-peer"))?;
        let mut addresses = Vec::new();
        while let Some(value) = form.optional("address") {
            if addresses.len() == Card::MAX_ADDRESSES {
                return Err(CardError::TooManyAddresses);
            }
            addresses.push(value.parse().map_err(|_| FormError::Value("address"))?);
        }
        let issued = form.parsed("issued")?;
        form.end()?;
        let terms = Self {
            member,
            serial,
            sealing,
            peer,
            next_peer,
            addresses,
            issued,
        };
        if terms.text() != text {
            return Err(FormError::NotCanonical.into());
        }
        Ok(terms)
    }
}

/// A multiaddress in its text form. This crate checks only that it is short and printable.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressText(Box<str>);

impl AddressText {
    /// The longest text, in bytes.
    pub const MAX_LEN: usize = 256;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AddressText {
    type Err = AddressTextError;

    fn from_str(text: &str) -> Result<Self, AddressTextError> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(AddressTextError::Length);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AddressTextError::Character);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressTextError {
    /// Empty, or longer than [`AddressText::MAX_LEN`].
    #[error("an address has between 1 and {max} characters", max = AddressText::MAX_LEN)]
    Length,
    /// Something else than printable ASCII without spaces.
    #[error("an address has printable ASCII characters only, and no spaces")]
    Character,
}

/// Why a note is not a member's card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// More than [`Card::MAX_LEN`] bytes.
    #[error("a card has at most {max} bytes", max = Card::MAX_LEN)]
    TooLong,
    /// The bytes are not a signed note.
    #[error("the card is no signed note: {0}")]
    Note(#[from] NoteError),
    /// The signing key of the warrant did not sign it.
    #[error("the signing key of the member's warrant does not vouch for the card: {0}")]
    Signature(#[from] NoteVerifyError),
    /// The text is not that of a card.
    #[error("the text is not that of a card: {0}")]
    Form(#[from] FormError),
    /// What stands there is not a sealing key.
    #[error(transparent)]
    SealingKey(#[from] SealingKeyError),
    /// The member's signing key signed a card for somebody else.
    #[error("the card is that of {0}")]
    OtherMember(MemberName),
    /// The transport key of a peer id on the card did not sign it, so that the peer id may be
    /// somebody else's.
    #[error(
        "the card names the peer id {peer}, and the transport key of that does not vouch for it: {why}"
    )]
    Unproven {
        /// The peer id.
        peer: PeerIdText,
        /// What is the matter with the signature.
        why: NoteVerifyError,
    },
    /// The next peer id is the one in use.
    #[error("the next peer id must differ from the one in use")]
    SamePeer,
    /// More than [`Card::MAX_ADDRESSES`] addresses.
    #[error("a card has at most {max} addresses", max = Card::MAX_ADDRESSES)]
    TooManyAddresses,
    /// One address stands there twice.
    #[error("the address {0} stands there twice")]
    RepeatedAddress(AddressText),
}

#[cfg(test)]
mod tests;
