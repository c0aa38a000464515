//! The members as this node knows them: the charter and everyone's newest warrant and card.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use kentong_keys::{Card, SealingKey, Warrant};
use kentong_protocol::MemberName;
use kentong_protocol::charter::{Charter, Membership, Papers};
use kentong_protocol::directory::{
    Bundle, BundleError, CredentialError, Directory, Offered, Standing,
};
use kentong_protocol::policy::{Party, PolicySet};
use kentong_protocol::time::Timestamp;

use crate::charter_files::{self, CharterFilesError};
use crate::home::Home;
use crate::identity::Identity;
use crate::member_file::{self, MemberFileError};
use crate::net::{Address, PeerName};
use crate::newcomers;
use crate::turn::Wait;

use super::core::RETRY;

use super::RunError;

/// Why the charter or the members' files of a home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The charter, or what hangs on it, cannot be used.
    #[error(transparent)]
    Charter(#[from] CharterFilesError),
    /// A member's file is damaged.
    #[error("the member file {path} cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: BundleError,
    },
}

/// Charter and directory.
#[derive(Debug)]
pub(super) struct Members {
    me: MemberName,
    folder: PathBuf,
    known: Option<Known>,
    /// Those in force, this node's own among them as long as it is.
    parties: Vec<Party>,
    /// When the next notice begins or ends to count.
    until: Option<Timestamp>,
    /// Newer warrants and cards that could not be kept in the home yet. Their members do not send them
    /// again in the same session.
    unsaved: BTreeMap<MemberName, Bundle>,
    /// When that is tried again, in the milliseconds of the node.
    save_at: u64,
    /// Why the file of a new member is not with the others yet, if that is so. Reading all again tries it
    /// again.
    unsettled: Option<String>,
}

/// What there is once a charter is installed.
#[derive(Debug)]
struct Known {
    papers: Papers,
    severed: BTreeSet<MemberName>,
    directory: Directory,
}

/// How a listed member stands with this node, as far as the charter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// As the charter and its notices say.
    By(Membership),
    /// This node severed it.
    Severed,
}

impl Members {
    /// Reads the charter and the members' files of a home. Without a charter there are no members.
    pub(super) fn open(
        home: &Home,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Self, MembersError> {
        let folder = home.members();
        let mut members = Self {
            me: identity.member.clone(),
            folder: folder.clone(),
            known: None,
            parties: Vec::new(),
            until: None,
            unsaved: BTreeMap::new(),
            save_at: 0,
            unsettled: None,
        };
        let Some(papers) = charter_files::papers(home)? else {
            return Ok(members);
        };
        // As the version came into force, or now if there was a crash in between.
        if let Err(error) = newcomers::settle(home, papers.chain().in_force(), Wait::NotAtAll) {
            tracing::warn!(%error, "the file of a new member cannot be put with the others now");
            members.unsettled = Some(error.to_string());
        }
        let severed = charter_files::severed(home)?;
        let mut directory = Directory::new(papers.chain().in_force().clone());
        let own = (
            identity.warrant.note().bytes(),
            identity.card.note().bytes(),
        );
        if let Err(error) = offer(&mut directory, own.0, own.1) {
            tracing::warn!(%error, "this node's own warrant and card do not fit the charter");
        }
        for path in files(&folder)? {
            let Some(bytes) = read(&path, Bundle::MAX_LEN as u64)? else {
                continue;
            };
            let bundle = Bundle::parse(&bytes).map_err(|source| MembersError::File {
                path: path.clone(),
                source,
            })?;
            if *bundle.member() == identity.member {
                continue;
            }
            if let Err(error) = directory.offer_bundle(&bundle) {
                tracing::warn!(path = %path.display(), %error, "a member's file is not used");
            }
        }
        members.known = Some(Known {
            papers,
            severed,
            directory,
        });
        members.look(now);
        Ok(members)
    }

    /// Why the file of a new member is not with the others yet, if that is so.
    pub(super) fn unsettled(&self) -> Option<&str> {
        self.unsettled.as_deref()
    }

    /// Looks anew who is in force, if a notice began or ended to count; true if so.
    pub(super) fn keep_up(&mut self, now: Timestamp) -> bool {
        if self.until.is_none_or(|until| now < until) {
            return false;
        }
        self.look(now);
        true
    }

    fn look(&mut self, now: Timestamp) {
        let Some(known) = &self.known else { return };
        let chain = known.papers.chain();
        let listed = chain.in_force().members().iter();
        self.parties = listed
            .filter(|(name, _)| {
                let by = known.papers.notices().membership(name, chain, now);
                by.is_in_force() && !known.severed.contains(*name)
            })
            .map(|(name, member)| Party {
                name: name.clone(),
                groups: member.groups().clone(),
            })
            .collect();
        self.until = known.papers.notices().next_change(chain, now);
    }

    /// The charter in force.
    pub(super) fn charter(&self) -> Option<&Charter> {
        Some(self.papers()?.chain().in_force())
    }

    /// The federation's papers.
    pub(super) fn papers(&self) -> Option<&Papers> {
        self.known.as_ref().map(|known| &known.papers)
    }

    /// Every member that the charter lists, with the serials of its warrant and card; 0 for none.
    pub(super) fn serials(&self) -> Vec<(MemberName, u64, u64)> {
        let Some(directory) = self.directory() else {
            return Vec::new();
        };
        let names = directory.charter().members().keys();
        names
            .map(|name| {
                let standing = directory.member(name);
                let (warrant, card) = standing.map(Standing::serials).unwrap_or_default();
                (name.clone(), warrant, card)
            })
            .collect()
    }

    /// The members in force, this node's among them, in the order of their names: not those that
    /// left, are suspended, or were severed here.
    pub(super) fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// Every member that the charter lists, and how it stands.
    pub(super) fn listed(&self, now: Timestamp) -> Vec<(Party, Stands)> {
        let Some(known) = &self.known else {
            return Vec::new();
        };
        let chain = known.papers.chain();
        let listed = chain.in_force().members().keys();
        listed
            .filter_map(|name| {
                let stands = if known.severed.contains(name) {
                    Stands::Severed
                } else {
                    Stands::By(known.papers.notices().membership(name, chain, now))
                };
                Some((known.directory.party(name)?, stands))
            })
            .collect()
    }

    pub(super) fn is_in_force(&self, member: &MemberName) -> bool {
        self.parties.iter().any(|party| party.name == *member)
    }

    fn directory(&self) -> Option<&Directory> {
        self.known.as_ref().map(|known| &known.directory)
    }

    /// A listed member as policies see it. What one said that is suspended or left since stays
    /// what it said.
    pub(super) fn party(&self, member: &MemberName) -> Option<Party> {
        self.directory()?.party(member)
    }

    /// A member as policies see it; one that the charter does not name is in no group.
    pub(super) fn as_party(&self, member: &MemberName) -> Party {
        self.party(member).unwrap_or_else(|| Party {
            name: member.clone(),
            groups: BTreeSet::new(),
        })
    }

    pub(super) fn display_name(&self, member: &MemberName) -> String {
        let member = self.charter().and_then(|charter| charter.member(member));
        member
            .map(|member| member.display_name().to_owned())
            .unwrap_or_default()
    }

    pub(super) fn credentials(&self, member: &MemberName) -> Option<(&Warrant, Option<&Card>)> {
        let directory = self.directory()?;
        let standing = directory.member(member)?;
        Some((standing.warrant()?, standing.card()))
    }

    pub(super) fn sealing_key(&self, member: &MemberName) -> Option<&SealingKey> {
        self.directory()?.sealing_key(member)
    }

    /// The member in force whose card names this peer id.
    pub(super) fn by_peer(&self, peer: &PeerName) -> Option<MemberName> {
        let member = self.directory()?.by_peer(&peer.to_string())?;
        self.is_in_force(member).then(|| member.clone())
    }

    /// The peer ids that may come in, each with the addresses to dial: nobody's, if this node's
    /// own member is not in force.
    pub(super) fn peers(&self, me: &MemberName) -> BTreeMap<PeerName, Vec<Address>> {
        let mut table = BTreeMap::new();
        if !self.is_in_force(me) {
            return table;
        }
        for party in self.parties.iter().filter(|party| party.name != *me) {
            let Some((_, Some(card))) = self.credentials(&party.name) else {
                continue;
            };
            let addresses: Vec<_> = card
                .addresses()
                .iter()
                .filter_map(|text| text.as_str().parse().ok())
                .collect();
            for peer in card
                .peer_ids()
                .filter_map(|text| text.as_str().parse().ok())
            {
                table.insert(peer, addresses.clone());
            }
        }
        table
    }

    /// Takes in a member's warrant and card if they are newer, and keeps them in the home.
    pub(super) fn offer(
        &mut self,
        member: &MemberName,
        warrant: &[u8],
        card: &[u8],
    ) -> Result<bool, CredentialError> {
        let Some(Known { directory, .. }) = &mut self.known else {
            return Ok(false);
        };
        if *member == self.me || !offer(directory, warrant, card)? {
            return Ok(false);
        }
        let charter = directory.charter();
        let standing = directory.member(member);
        let credentials = standing.and_then(|s| Some((s.warrant()?, s.card()?)));
        if let (Some(known), Some((warrant, card))) = (charter.member(member), credentials)
            && let Ok(bundle) = Bundle::new(known.display_name(), *known.root(), warrant, card)
        {
            self.unsaved.insert(member.clone(), bundle);
            if let Some(error) = self.save() {
                tracing::warn!(peer = %member, %error, "a newer card cannot be kept now, and waits");
            }
        }
        Ok(true)
    }

    /// Keeps in the home what could not be kept before, if it is time to try again.
    pub(super) fn save_on(&mut self, now: u64) {
        if self.unsaved.is_empty() || self.save_at > now {
            return;
        }
        if let Some(MemberFileError::Write { .. }) = self.save() {
            self.save_at = now + RETRY;
        }
    }

    /// Keeps what is not kept in the home yet, as far as that can be done at once; answers why not all.
    fn save(&mut self) -> Option<MemberFileError> {
        while let Some((_, bundle)) = self.unsaved.first_key_value() {
            if let Err(error) = member_file::keep(&self.folder, bundle, Wait::NotAtAll) {
                return Some(error);
            }
            self.unsaved.pop_first();
        }
        None
    }

    /// Goes on with what another's home does not hold yet, as far as it is newer than what was read here.
    pub(super) fn inherit_unsaved(&mut self, other: &mut Self) {
        for (member, bundle) in std::mem::take(&mut other.unsaved) {
            let Some(Known { directory, .. }) = &mut self.known else {
                return;
            };
            if directory.offer_bundle(&bundle).is_ok_and(is_news) {
                self.unsaved.insert(member, bundle);
            }
        }
        self.save_at = other.save_at;
    }
}

/// Offers both; true if one of them is news.
fn offer(directory: &mut Directory, warrant: &[u8], card: &[u8]) -> Result<bool, CredentialError> {
    Ok(is_news(directory.offer_both(warrant, card)?))
}

fn is_news((warrant, card): (Offered, Offered)) -> bool {
    warrant == Offered::New || card == Offered::New
}

/// Reads and checks the policies of a home.
pub(super) fn policies(home: &Home) -> Result<PolicySet, RunError> {
    crate::policy_files::read(&home.policy()).map_err(|error| RunError::Policy(error.to_string()))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, MembersError> {
    let at = |source| MembersError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(at)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "card")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A file's bytes, none if there is no such file; longer than `most` is an error.
fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, MembersError> {
    use io::Read as _;
    let at = |source| MembersError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(error)),
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(at)?;
    if bytes.len() as u64 > most {
        return Err(at(io::Error::other(format!(
            "it is longer than {most} bytes"
        ))));
    }
    Ok(Some(bytes))
}
