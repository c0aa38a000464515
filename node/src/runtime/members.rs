//! Who belongs, by the files of a home.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use kentong_protocol::directory::{Bundle, BundleError};
use kentong_protocol::member::{Held, Members};
use kentong_protocol::policy::PolicySet;
use kentong_protocol::sync::Now;
use kentong_protocol::time::Timestamp;

use crate::charter_files::{self, CharterFilesError};
use crate::home::Home;
use crate::identity::Identity;
use crate::member_file::{self, MemberFileError};
use crate::net::{Address, PeerName};
use crate::newcomers;
use crate::turn::Wait;
use crate::whole_file;

use super::RunError;
use super::core::Deciding;

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

/// The members of a home, and what could not be put right in it yet.
#[derive(Debug)]
pub(super) struct Found {
    /// Without a charter there are none.
    pub(super) members: Members,
    /// Why the file of a new member is not with the others yet, if that is so. Reading all again tries it
    /// again.
    pub(super) unsettled: Option<String>,
}

/// Reads the charter and the members' files of a home.
pub(super) fn read(
    home: &Home,
    identity: &Identity,
    now: Timestamp,
) -> Result<Found, MembersError> {
    let me = identity.member.clone();
    let Some(papers) = charter_files::papers(home)? else {
        return Ok(Found {
            members: Members::none(me),
            unsettled: None,
        });
    };
    // As the version came into force, or now if there was a crash in between.
    let settled = newcomers::settle(home, papers.chain().in_force(), Wait::NotAtAll);
    let unsettled = settled.err().map(|error| {
        tracing::warn!(%error, "the file of a new member cannot be put with the others now");
        error.to_string()
    });
    let own = (&identity.warrant, &identity.card);
    let held = Held {
        papers,
        severed: charter_files::severed(home)?,
        own: (own.0.note().bytes().to_vec(), own.1.note().bytes().to_vec()),
        bundles: bundles(&home.members())?,
    };
    let (members, unfit) = Members::of(me, held, now);
    for (member, error) in unfit {
        let path = member_file::path(&home.members(), &member);
        let path = path.display();
        if member == identity.member {
            tracing::warn!(%path, %error, "this node's own warrant and card do not fit the charter");
        } else {
            tracing::warn!(%path, %error, "a member's file is not used");
        }
    }
    Ok(Found { members, unsettled })
}

/// These peer ids, each with the addresses to dial, as the network takes them.
pub(super) fn dialled<'m>(
    peers: impl Iterator<Item = (&'m str, impl Iterator<Item = &'m str>)>,
) -> BTreeMap<PeerName, Vec<Address>> {
    let peers = peers.filter_map(|(peer, addresses)| {
        let addresses = addresses.filter_map(|text| text.parse().ok());
        Some((peer.parse().ok()?, addresses.collect()))
    });
    peers.collect()
}

/// Keeps in the home what is not kept there yet, as far as that can be done now.
pub(super) fn keep(node: &mut Deciding, home: &Home, now: Now) {
    while let Some(bundle) = node.next_card_to_keep(now) {
        let member = bundle.member().clone();
        match member_file::keep(&home.members(), bundle, Wait::NotAtAll) {
            Ok(_) => node.card_kept(&member),
            // Whose turn it is will be done by the next tick.
            Err(MemberFileError::Turn(_)) => return,
            Err(error @ MemberFileError::Write { .. }) => {
                tracing::warn!(%member, %error, "a newer card cannot be kept now, and waits");
                node.keep_cards_later(now);
            }
        }
    }
}

fn bundles(folder: &Path) -> Result<Vec<Bundle>, MembersError> {
    let mut bundles = Vec::new();
    for path in files(folder)? {
        let Some(bytes) = read_file(&path, Bundle::MAX_LEN as u64)? else {
            continue;
        };
        let bundle = Bundle::parse(&bytes);
        bundles.push(bundle.map_err(|source| MembersError::File { path, source })?);
    }
    Ok(bundles)
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
fn read_file(path: &Path, most: u64) -> Result<Option<Vec<u8>>, MembersError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    whole_file::read(path, most).map_err(|source| MembersError::Read {
        path: path.to_owned(),
        source,
    })
}
