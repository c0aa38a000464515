//! Two votes of one member in one round: found, kept and shown to others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kentong_keys::{Digest, MemberName, Note, PublicKey};

use super::room::{self, Room};
use super::signatures::notes;
use super::{Chain, Charter, CharterError, MAX_CHARTER, Terms, UnverifiedCharter};

/// The most documents of votes that are kept. Beyond, those make room whose signers have voted for
/// the most others.
pub const MAX_BALLOTS: usize = 64;

const TITLE: &str = "kentong double vote v1\n\n";

/// What a signature under a charter is a vote in: a version that follows a certain one, and the
/// round. Who votes for two documents of one ballot can put two charters in force.
///
/// The version before belongs to it because a vote says nothing about another one: who voted on
/// top of a document that a later round then replaced votes again on top of the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    federation: Box<str>,
    nonce: [u8; 16],
    previous: Option<Digest>,
    version: u32,
    round: u32,
}

impl Ballot {
    /// The ballot in which signatures under these terms are votes.
    #[must_use]
    pub fn of(terms: &Terms) -> Self {
        Self {
            federation: terms.federation().as_str().into(),
            nonce: *terms.nonce(),
            previous: terms.previous().copied(),
            version: terms.version(),
            round: terms.round(),
        }
    }
}

/// Two different charters of one version and one round, both signed by the same root key.
///
/// The signatures speak for themselves; that the key is a member's says a charter that lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubleVote {
    member: MemberName,
    root: PublicKey,
    terms: (u32, u32),
    /// Each with the one signature, the lower hash first.
    notes: [Note; 2],
}

/// Why bytes do not show a double vote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoubleVoteError {
    /// More than [`DoubleVote::MAX_LEN`] bytes.
    #[error("evidence of a double vote has at most {max} bytes", max = DoubleVote::MAX_LEN)]
    TooLarge,
    /// The text is not that of such evidence.
    #[error("this is no evidence of a double vote")]
    Form,
    /// One of the two is no charter.
    #[error("one of the two votes: {0}")]
    Charter(#[from] CharterError),
    /// The two are one document.
    #[error("both votes are for the same charter")]
    SameText,
    /// The two belong to different votes.
    #[error("the votes are not of one version and round of one federation")]
    OtherBallot,
    /// No one key signed both.
    #[error("no root key signed both charters")]
    NoCommonSigner,
    /// It means something, but is not the one way to write it.
    #[error("the evidence is not in its one exact form: copy it as it was sent")]
    NotCanonical,
}

impl DoubleVote {
    /// The longest evidence, in bytes.
    pub const MAX_LEN: usize = 2 * MAX_CHARTER + 64;

    /// Every member that voted for both of two charters of one ballot.
    #[must_use]
    pub fn between(one: &UnverifiedCharter, other: &UnverifiedCharter) -> Vec<Self> {
        if one.hash() == other.hash() || Ballot::of(one.terms()) != Ballot::of(other.terms()) {
            return Vec::new();
        }
        let (first, second) = if one.hash() < other.hash() {
            (one, other)
        } else {
            (other, one)
        };
        let both = first.signers();
        let both = both
            .intersection(&second.signers())
            .cloned()
            .collect::<Vec<_>>();
        both.into_iter()
            .filter_map(|member| Self::of(member, first, second))
            .collect()
    }

    /// Reads what [`Display`](fmt::Display) wrote, and verifies both signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, DoubleVoteError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(DoubleVoteError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| DoubleVoteError::Form)?;
        let votes = text.strip_prefix(TITLE).ok_or(DoubleVoteError::Form)?;
        let [one, other] = notes(votes)[..] else {
            return Err(DoubleVoteError::Form);
        };
        let one = UnverifiedCharter::parse(one.as_bytes())?;
        let other = UnverifiedCharter::parse(other.as_bytes())?;
        if one.hash() == other.hash() {
            return Err(DoubleVoteError::SameText);
        }
        if Ballot::of(one.terms()) != Ballot::of(other.terms()) {
            return Err(DoubleVoteError::OtherBallot);
        }
        match Self::between(&one, &other).into_iter().next() {
            Some(vote) if vote.to_string() == text => Ok(vote),
            Some(_) => Err(DoubleVoteError::NotCanonical),
            None => Err(DoubleVoteError::NoCommonSigner),
        }
    }

    /// Under whose name the key is listed in both charters.
    #[must_use]
    pub const fn member(&self) -> &MemberName {
        &self.member
    }

    /// The version that was voted on.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.terms.0
    }

    /// The round of the votes.
    #[must_use]
    pub const fn round(&self) -> u32 {
        self.terms.1
    }

    /// The two votes, each a charter with the one signature.
    #[must_use]
    pub const fn votes(&self) -> &[Note; 2] {
        &self.notes
    }

    /// Whether the key is that of a member by this charter. Anybody can list a name with a key of
    /// its own making in two charters, and sign both.
    #[must_use]
    pub fn concerns(&self, charter: &Charter) -> bool {
        charter
            .member(&self.member)
            .is_some_and(|listed| *listed.root() == self.root)
    }

    fn of(
        member: MemberName,
        first: &UnverifiedCharter,
        second: &UnverifiedCharter,
    ) -> Option<Self> {
        let root = *first.terms().member(&member)?.root();
        if *second.terms().member(&member)?.root() != root {
            return None;
        }
        Some(Self {
            notes: [first.signed_alone(&member)?, second.signed_alone(&member)?],
            terms: (first.terms().version(), first.terms().round()),
            member,
            root,
        })
    }
}

/// As it is kept: a title, then the two votes as they were signed.
impl fmt::Display for DoubleVote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = &self.notes;
        write!(f, "{TITLE}{one}\n{other}")
    }
}

/// The documents of votes that a member has seen signed: those that may still come into force, and
/// those that lost against the newest version. Kept so that a second vote is found whenever it
/// turns up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ballots {
    documents: BTreeMap<Digest, UnverifiedCharter>,
}

impl Ballots {
    /// The longest file of documents, in bytes.
    pub const MAX_LEN: usize = MAX_BALLOTS * (MAX_CHARTER + 1);

    /// Reads what [`Ballots::to_text`] wrote. Documents beyond [`MAX_BALLOTS`] are passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, CharterError> {
        let text = std::str::from_utf8(bytes).map_err(|_| kentong_keys::NoteError::NotUtf8)?;
        let mut documents = BTreeMap::new();
        for note in notes(text)
            .into_iter()
            .filter(|note| !note.is_empty())
            .take(MAX_BALLOTS)
        {
            let document = UnverifiedCharter::parse(note.as_bytes())?;
            documents.insert(document.hash(), document);
        }
        Ok(Self { documents })
    }

    /// All documents, with an empty line between.
    #[must_use]
    pub fn to_text(&self) -> String {
        let notes = self.documents.values().map(UnverifiedCharter::bytes);
        let notes: Vec<_> = notes.map(String::from_utf8_lossy).collect();
        notes.join("\n")
    }

    /// Remembers who signed a document that may follow the chain, and answers who signed another
    /// one of the same ballot as well.
    pub fn see(&mut self, chain: &Chain, document: &UnverifiedCharter) -> Vec<DoubleVote> {
        let hash = document.hash();
        let in_force = chain.in_force().document();
        let held = self.documents.get(&hash);
        // Most copies bring few signatures that are not known.
        for copy in held.into_iter().chain([&in_force]) {
            document.learn(copy);
        }
        self.documents.retain(|_, held| concerns_now(chain, held));
        if !concerns_now(chain, document) {
            return Vec::new();
        }
        let others = self.documents.values().chain([&in_force]);
        let before = chain.version(document.terms().version().saturating_sub(1));
        let found: BTreeMap<MemberName, DoubleVote> = others
            .flat_map(|other| DoubleVote::between(other, document))
            .filter(|vote| before.is_some_and(|before| vote.concerns(before)))
            .map(|vote| (vote.member().clone(), vote))
            .collect();
        if self.documents.contains_key(&hash) || self.make_room(chain, document) {
            // Joined with itself it is in the one form, without the lines of strangers.
            let held = self.documents.get(&hash).unwrap_or(document);
            if let Ok(joined) = held.merge(document) {
                self.documents.insert(hash, joined);
            }
        }
        found.into_values().collect()
    }

    /// A document with all votes for it that are held.
    #[must_use]
    pub fn joined(&self, document: &UnverifiedCharter) -> UnverifiedCharter {
        let held = self.documents.get(&document.hash());
        let joined = held.and_then(|held| held.merge(document).ok());
        joined.unwrap_or_else(|| document.clone())
    }

    /// The documents, in the order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = &UnverifiedCharter> {
        self.documents.values()
    }

    /// Whether another document is kept: not one that no member has signed, for anybody can write
    /// such.
    fn make_room(&mut self, chain: &Chain, document: &UnverifiedCharter) -> bool {
        let members = members_signed(chain, document);
        if self.documents.len() < MAX_BALLOTS {
            return !members.is_empty();
        }
        let waiting = self.documents.iter();
        let waiting = waiting
            .map(|(hash, held)| (*hash, members_signed(chain, held)))
            .collect();
        match room::find(&waiting, &members, MAX_BALLOTS) {
            Room::Free => true,
            Room::InPlaceOf(other) => self.documents.remove(&other).is_some(),
            Room::None => false,
        }
    }

    /// The hash of another document of the same ballot that this member signed.
    #[must_use]
    pub fn other_vote(&self, member: &MemberName, document: &UnverifiedCharter) -> Option<Digest> {
        let ballot = Ballot::of(document.terms());
        let mut others = self.documents.iter().filter(|(hash, held)| {
            **hash != document.hash()
                && Ballot::of(held.terms()) == ballot
                && held.signers().contains(member)
        });
        others.next().map(|(hash, _)| *hash)
    }
}

/// Who signed a document of those that the version before it lists, by the same root key: it may
/// list others itself, with keys that somebody made up.
fn members_signed(chain: &Chain, document: &UnverifiedCharter) -> BTreeSet<MemberName> {
    let before = document.terms().version().saturating_sub(1);
    let Some(before) = chain.version(before) else {
        return BTreeSet::new();
    };
    let mut signers = document.signers();
    signers.retain(|name| {
        let root = |member: Option<&super::Member>| member.map(|member| *member.root());
        let listed = root(before.member(name));
        listed.is_some() && listed == root(document.terms().member(name))
    });
    signers
}

/// Whether a document follows the version before the one in force, or the one in force.
fn concerns_now(chain: &Chain, document: &UnverifiedCharter) -> bool {
    document.terms().version() >= chain.in_force().version() && chain.tally(document).is_ok()
}
