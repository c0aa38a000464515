//! Who may speak: the charter's members with their newest warrants and cards.
//!
//! Warrants and cards come from anybody, for nodes pass on everyone's: what counts is by whom
//! they are signed and which is the newest.

mod bundle;
mod enclosed;

use std::collections::BTreeMap;

use kentong_keys::{
    Card, CardError, MemberName, Note, NoteError, PeerIdText, PublicKey, SealingKey, Warrant,
    WarrantError,
};

use crate::charter::{Charter, Member};
use crate::policy::Party;

pub use bundle::{Bundle, BundleError};
pub use enclosed::{DamagedBundle, Enclosing, MAX_ENCLOSING, TooManyBundles};

/// The members of a charter, with what each said of its keys and whereabouts.
#[derive(Debug, Clone)]
pub struct Directory {
    charter: Charter,
    standings: BTreeMap<MemberName, Credentials>,
    /// The peer ids of the current cards; every card has two at most.
    peers: BTreeMap<PeerIdText, MemberName>,
}

/// The newest warrant and card of a member, if it has shown any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    warrant: Option<Warrant>,
    card: Option<Card>,
}

impl Credentials {
    /// The newest warrant.
    #[must_use]
    pub const fn warrant(&self) -> Option<&Warrant> {
        self.warrant.as_ref()
    }

    /// The newest card under that warrant.
    #[must_use]
    pub const fn card(&self) -> Option<&Card> {
        self.card.as_ref()
    }

    /// The serials of both; 0 for none.
    #[must_use]
    pub fn serials(&self) -> (u64, u64) {
        (
            self.warrant().map_or(0, Warrant::serial),
            self.card().map_or(0, Card::serial),
        )
    }
}

/// What came of a warrant or a card that was offered and is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is the newest now, and to be kept and passed on.
    New,
    /// It was the newest already.
    Known,
    /// A newer one is known.
    Older,
}

/// A warrant or a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A warrant.
    Warrant,
    /// A card.
    Card,
}

impl std::fmt::Display for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Warrant => "warrant",
            Self::Card => "card",
        })
    }
}

/// Why a warrant or a card is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The bytes are not a signed note.
    #[error("this is neither a warrant nor a card: {0}")]
    NotANote(#[from] NoteError),
    /// The text does not say whose it is.
    #[error("this is neither a warrant nor a card: it names no member")]
    NoMember,
    /// The charter does not list the member.
    #[error("{0} is not a member by the charter in force")]
    NotAMember(MemberName),
    /// The warrant is not in order.
    #[error("the warrant of {0}: {1}")]
    Warrant(MemberName, WarrantError),
    /// The card is not in order under the member's newest warrant.
    #[error("the card of {0}: {1}")]
    Card(MemberName, CardError),
    /// A card of a member whose warrant is not known, so nobody can say whether it is genuine.
    #[error("the card of {0} came before its warrant")]
    NoWarrant(MemberName),
    /// The member signed two of them with one serial. The first stays, the second is refused.
    #[error("{member} signed two different versions of its {credential} {serial}")]
    Conflict {
        /// Who signed both.
        member: MemberName,
        /// What there are two of.
        credential: Credential,
        /// The serial of both.
        serial: u64,
    },
    /// Another member's card names this peer id already, so the two share its key. The first stays.
    #[error("{claimant} claims the peer id {peer}, which is that of {holder}")]
    PeerTaken {
        /// The peer id.
        peer: PeerIdText,
        /// Whose it is.
        holder: MemberName,
        /// Whose card was refused.
        claimant: MemberName,
    },
}

impl Directory {
    /// The members of `charter`, none of whom has shown a warrant yet.
    #[must_use]
    pub fn new(charter: Charter) -> Self {
        let members = charter.members().keys().cloned();
        Self {
            standings: members.map(|name| (name, Credentials::default())).collect(),
            peers: BTreeMap::new(),
            charter,
        }
    }

    /// The charter in force.
    #[must_use]
    pub const fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Takes the warrant if its member's root key signed it and it is the newest.
    ///
    /// A card that the new warrant's signing key did not sign goes with the old warrant.
    pub fn offer_warrant(&mut self, bytes: &[u8]) -> Result<Offered, CredentialError> {
        let (name, listed) = self.claimed_member(bytes)?;
        let warrant = Warrant::open(bytes, &name, listed.root())
            .map_err(|error| CredentialError::Warrant(name.clone(), error))?;
        let standing = self.standings.entry(name.clone()).or_default();
        if let Some(known) = &standing.warrant {
            let serials = (warrant.serial(), known.serial());
            let same = warrant.note().text() == known.note().text();
            if let Some(stays) = decide(serials, same, &name, Credential::Warrant)? {
                return Ok(stays);
            }
        }
        if let Some(card) = &standing.card
            && Card::open(card.note().bytes(), &warrant).is_err()
        {
            standing.card = None;
            self.peers.retain(|_, holder| *holder != name);
        }
        standing.warrant = Some(warrant);
        Ok(Offered::New)
    }

    /// Takes the card if its member's warranted key signed it, it is the newest, and nobody else
    /// has its peer ids.
    pub fn offer_card(&mut self, bytes: &[u8]) -> Result<Offered, CredentialError> {
        let (name, _) = self.claimed_member(bytes)?;
        let standing = self.standings.entry(name.clone()).or_default();
        let Some(warrant) = &standing.warrant else {
            return Err(CredentialError::NoWarrant(name));
        };
        let card = Card::open(bytes, warrant)
            .map_err(|error| CredentialError::Card(name.clone(), error))?;
        if let Some(known) = &standing.card {
            let serials = (card.serial(), known.serial());
            let same = card.note().text() == known.note().text();
            if let Some(stays) = decide(serials, same, &name, Credential::Card)? {
                return Ok(stays);
            }
        }
        for peer in card.peer_ids() {
            if let Some(holder) = self.peers.get(peer)
                && *holder != name
            {
                return Err(CredentialError::PeerTaken {
                    peer: peer.clone(),
                    holder: holder.clone(),
                    claimant: name,
                });
            }
        }
        self.peers.retain(|_, holder| *holder != name);
        self.peers
            .extend(card.peer_ids().map(|peer| (peer.clone(), name.clone())));
        standing.card = Some(card);
        Ok(Offered::New)
    }

    /// Takes a warrant and then a card, or neither: a card that is refused must not cost the
    /// member the one that went with its older warrant.
    pub fn offer_both(
        &mut self,
        warrant: &[u8],
        card: &[u8],
    ) -> Result<(Offered, Offered), CredentialError> {
        let before = (self.standings.clone(), self.peers.clone());
        let offered = self
            .offer_warrant(warrant)
            .and_then(|warrant| Ok((warrant, self.offer_card(card)?)));
        if offered.is_err() {
            (self.standings, self.peers) = before;
        }
        offered
    }

    /// Takes what is new of a member file. The file's own word on the root key does not matter here,
    /// only the charter's.
    pub fn offer_bundle(&mut self, bundle: &Bundle) -> Result<(Offered, Offered), CredentialError> {
        let (warrant, card) = (bundle.warrant().note(), bundle.card().note());
        self.offer_both(warrant.bytes(), card.bytes())
    }

    /// What is known of a member of the charter.
    #[must_use]
    pub fn member(&self, name: &MemberName) -> Option<&Credentials> {
        self.standings.get(name)
    }

    /// All members of the charter, with what is known of them.
    pub fn members(&self) -> impl Iterator<Item = (&MemberName, &Member, &Credentials)> {
        let listed = self.charter.members().iter();
        listed.filter_map(|(name, member)| Some((name, member, self.standings.get(name)?)))
    }

    /// Whose current card names this peer id, as the one in use or the next. A connection from
    /// any other is closed before its bytes are decoded.
    #[must_use]
    pub fn by_peer(&self, peer: &str) -> Option<&MemberName> {
        self.peers.get(&peer.parse::<PeerIdText>().ok()?)
    }

    /// The key that signs a member's checkpoints and cards.
    #[must_use]
    pub fn signing_key(&self, name: &MemberName) -> Option<&PublicKey> {
        Some(self.member(name)?.warrant()?.signing())
    }

    /// The key by which a member cosigns others' checkpoints.
    #[must_use]
    pub fn witness_key(&self, name: &MemberName) -> Option<&PublicKey> {
        Some(self.member(name)?.warrant()?.witness())
    }

    /// What to seal epoch keys to; a member without one is left out of epochs.
    #[must_use]
    pub fn sealing_key(&self, name: &MemberName) -> Option<&SealingKey> {
        Some(self.member(name)?.card()?.sealing())
    }

    /// The member and its groups, as policies see it.
    #[must_use]
    pub fn party(&self, name: &MemberName) -> Option<Party> {
        let groups = self.charter.member(name)?.groups().clone();
        Some(Party {
            name: name.clone(),
            groups,
        })
    }

    /// The member that the text says it is about; no signature is checked here.
    /// Whose warrant or card these bytes say that they are.
    pub fn whose(bytes: &[u8]) -> Result<MemberName, CredentialError> {
        let note = Note::parse(bytes)?;
        let line = note.text().lines().nth(1);
        line.and_then(|line| line.strip_prefix("member: "))
            .and_then(|name| name.parse().ok())
            .ok_or(CredentialError::NoMember)
    }

    fn claimed_member(&self, bytes: &[u8]) -> Result<(MemberName, &Member), CredentialError> {
        let name = Self::whose(bytes)?;
        match self.charter.member(&name) {
            Some(member) => Ok((name, member)),
            None => Err(CredentialError::NotAMember(name)),
        }
    }
}

/// What stays, if it is the known one; none if the offered one replaces it.
fn decide(
    (offered, known): (u64, u64),
    same: bool,
    member: &MemberName,
    credential: Credential,
) -> Result<Option<Offered>, CredentialError> {
    match offered.cmp(&known) {
        std::cmp::Ordering::Greater => Ok(None),
        std::cmp::Ordering::Less => Ok(Some(Offered::Older)),
        std::cmp::Ordering::Equal if same => Ok(Some(Offered::Known)),
        std::cmp::Ordering::Equal => Err(CredentialError::Conflict {
            member: member.clone(),
            credential,
            serial: offered,
        }),
    }
}

#[cfg(test)]
mod tests;
