//! The signer state: for each feed of one's own, the size and root that were signed last.
//!
//! A publisher that signs two histories of one feed has forked it, for good and for all to see.
//! So every signature is preceded by [`Signer::compare_and_swap`], which is durable when it
//! returns.
//!
//! **Trusted for** knowing the newest head that this node may have signed. **May it be lost?** It
//! can be, at a price: the node then asks its readers what they hold before it signs again. It
//! must never be rolled back, hence it is in no backup and no snapshot is to be restored over it.
//! **Who can write it** can make this node sign a second history, or keep it from signing; who can
//! merely read it learns feed ids and sizes.

mod error;
mod form;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use kentong_keys::Digest;

pub use error::SignerError;

use form::{DecodeFault, MAX_FILE, decode, encode};

/// How many feeds the state takes: many times the feeds that a node may have open.
pub const MAX_FEEDS: usize = 65_536;

/// A head that was signed, or is about to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signed {
    /// How many leaves the feed has.
    pub size: u64,
    /// The root of its tree.
    pub root: Digest,
}

impl Signed {
    /// The entry of a feed in which nothing is signed any more: part of its history is lost, or may be.
    /// No head goes on from it.
    pub const ENDED: Self = Self {
        size: u64::MAX,
        root: Digest::from_bytes([0; Digest::LEN]),
    };

    /// Whether nothing is signed in this feed any more.
    #[must_use]
    pub fn is_ended(self) -> bool {
        self == Self::ENDED
    }
}

/// A change of one feed's entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Swap {
    /// The feed.
    pub feed: Digest,
    /// What the caller takes the entry to be.
    pub expected: Option<Signed>,
    /// What it is to become.
    pub new: Signed,
}

/// The signer state. The caller holds the lock of the home, so that there is only one.
pub struct Signer {
    path: PathBuf,
    entries: BTreeMap<Digest, Signed>,
    poisoned: bool,
    /// There is no state that can be believed: nothing is signed before one is settled on.
    unknown: bool,
}

impl Signer {
    /// Creates an empty state; only `init` does.
    pub fn create(path: &Path) -> Result<Self, SignerError> {
        if path.symlink_metadata().is_ok() {
            return Err(SignerError::Exists(path.to_owned()));
        }
        let signer = Self {
            path: path.to_owned(),
            entries: BTreeMap::new(),
            poisoned: false,
            unknown: false,
        };
        signer
            .write(&signer.entries)
            .map_err(|fault| failed(fault.action, path)(fault.source))?;
        Ok(signer)
    }

    /// Reads the state.
    pub fn open(path: &Path) -> Result<Self, SignerError> {
        let io_error = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                return SignerError::Missing(path.to_owned());
            }
            failed("read", path)(source)
        };
        let metadata = fs::metadata(path).map_err(io_error)?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(SignerError::TooOpen(path.to_owned()));
        }
        if metadata.len() > MAX_FILE {
            return Err(SignerError::Tampered(path.to_owned()));
        }
        let bytes = fs::read(path).map_err(io_error)?;
        let entries = decode(&bytes).map_err(|fault| match fault {
            DecodeFault::Truncated => SignerError::Truncated(path.to_owned()),
            DecodeFault::Tampered => SignerError::Tampered(path.to_owned()),
            DecodeFault::Newer => SignerError::Newer(path.to_owned()),
        })?;
        // A crash may have come between the last rename and its becoming durable.
        sync_parent(path).map_err(failed("sync the directory of", path))?;
        Ok(Self {
            path: path.to_owned(),
            entries,
            poisoned: false,
            unknown: false,
        })
    }

    /// Stands for a state that is lost or not to be believed. It signs nothing; the file, if there is
    /// one, stays until another is settled on.
    #[must_use]
    pub fn unknown(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            entries: BTreeMap::new(),
            poisoned: false,
            unknown: true,
        }
    }

    /// Whether it is not known what was signed last.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Takes this for what was signed last, and makes it durable: what readers said, who would know.
    /// Only for a state that is unknown.
    pub fn settle(&mut self, entries: BTreeMap<Digest, Signed>) -> Result<(), SignerError> {
        if self.poisoned {
            return Err(SignerError::Poisoned);
        }
        if !self.unknown {
            return Err(SignerError::Exists(self.path.clone()));
        }
        if entries.len() > MAX_FEEDS {
            return Err(SignerError::TooManyFeeds);
        }
        if let Err(fault) = self.write(&entries) {
            self.poisoned = fault.replaced == Replaced::Perhaps;
            return Err(failed(fault.action, &self.path)(fault.source));
        }
        self.entries = entries;
        self.unknown = false;
        Ok(())
    }

    /// What was signed last for a feed.
    #[must_use]
    pub fn get(&self, feed: &Digest) -> Option<Signed> {
        self.entries.get(feed).copied()
    }

    /// All feeds, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, Signed)> {
        self.entries.iter().map(|(feed, signed)| (feed, *signed))
    }

    /// Sets a feed's entry to `new` if it is `expected` and `new` goes on from it. Durable on
    /// return: only then may `new` be signed.
    pub fn compare_and_swap(
        &mut self,
        feed: Digest,
        expected: Option<Signed>,
        new: Signed,
    ) -> Result<(), SignerError> {
        self.swap_all(&[Swap {
            feed,
            expected,
            new,
        }])
    }

    /// Makes all changes, in order and with one write, or none of them.
    pub fn swap_all(&mut self, swaps: &[Swap]) -> Result<(), SignerError> {
        if self.poisoned {
            return Err(SignerError::Poisoned);
        }
        if self.unknown {
            return Err(SignerError::Unknown);
        }
        let mut entries = self.entries.clone();
        for swap in swaps {
            let found = entries.get(&swap.feed).copied();
            if found != swap.expected {
                return Err(SignerError::Changed {
                    feed: swap.feed,
                    found,
                });
            }
            if let Some(signed) = found
                && !goes_on(signed, swap.new)
            {
                return Err(SignerError::WouldFork {
                    feed: swap.feed,
                    signed,
                    offered: swap.new,
                });
            }
            entries.insert(swap.feed, swap.new);
        }
        if entries.len() > MAX_FEEDS {
            return Err(SignerError::TooManyFeeds);
        }
        if entries == self.entries {
            return Ok(());
        }
        if let Err(fault) = self.write(&entries) {
            self.poisoned = fault.replaced == Replaced::Perhaps;
            return Err(failed(fault.action, &self.path)(fault.source));
        }
        self.entries = entries;
        Ok(())
    }

    /// Puts a new file in the place of the old one.
    fn write(&self, entries: &BTreeMap<Digest, Signed>) -> Result<(), WriteFault> {
        let path = &self.path;
        let mut name = path.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        let before = |action| {
            move |source| WriteFault {
                action,
                source,
                replaced: Replaced::No,
            }
        };
        let after = |source| WriteFault {
            action: "replace",
            source,
            replaced: Replaced::Perhaps,
        };
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(before("remove the old draft of")(error));
            }
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .map_err(before("create a draft of"))?;
        file.write_all(&encode(entries))
            .map_err(before("write a draft of"))?;
        file.sync_all().map_err(before("sync a draft of"))?;
        fs::rename(&new, path).map_err(after)?;
        sync_parent(path).map_err(after)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Signer({}, {} feeds)",
            self.path.display(),
            self.entries.len()
        )
    }
}

/// How far a failed write came.
struct WriteFault {
    action: &'static str,
    source: io::Error,
    replaced: Replaced,
}

/// Whether a failed write may have replaced the file all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Replaced {
    No,
    Perhaps,
}

/// Whether `new` may be signed after `signed`: it is longer, or the same.
fn goes_on(signed: Signed, new: Signed) -> bool {
    new.size > signed.size || new == signed
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SignerError + use<> {
    let path = path.to_owned();
    move |source| SignerError::Io {
        action,
        path,
        source,
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| *parent != Path::new("")) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests;
