//! `kentong warrant`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use kentong_keys::{PublicKey, Warrant, WarrantTerms};
use kentong_protocol::feed::HeldHeads;
use kentong_protocol::member::Frozen;
use kentong_protocol::member::heads::Heads as _;
use serde::Serialize;

use super::Outcome;
use super::passphrase::{PassphraseArgs, Typed};
use super::root_key::RootKeyArgs;
use super::workplace::{Workplace, read_foreign};
use crate::charter_files;
use crate::frozen::in_words;
use crate::home::Home;
use crate::identity::Identity;
use crate::net::Address;
use crate::signer::Signer;
use crate::store::{Folders, Options, Store};

/// Replace the keys of a node, after they were lost or stolen
///
/// The root key names a new signing and a new witness key, and for each feed the head up to which the
/// former key's word counts. With them the node gets a new transport and a new sealing key. Anyone who has
/// the former keys is turned away by every node that knows of the new warrant; what they signed above
/// those heads is rolled back there, and feeds that the warrant does not name count for nothing.
///
/// The node must be stopped, and hold what it published: what this home does not hold is above the
/// heads. After a loss of the disk restore the backup first, run the node until all is back, and stop it.
///
/// Where there is no backup, or its keys have been replaced since: make a home with `kentong init`, or
/// restore it; install what `kentong charter history -o all.txt` wrote at another member (`kentong charter
/// install --lost-home all.txt`); and draft with --heads from the readers. The node takes back from them what
/// leads to those heads. The root key that `kentong init` made is not used; destroy it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong warrant draft -o MY.draft
  kentong warrant sign MY.draft --root-key /media/stick/root.key -o MY.warrant
  kentong warrant install MY.warrant -o MY.card
  kentong run
then give MY.card to one member, who tells its node by `kentong peers add MY.card`. The others
hear of it from that node.")]
pub(super) struct WarrantArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Draft(DraftArgs),
    Sign(SignArgs),
    Install(InstallArgs),
}

/// Make new keys, and write what the root key is to sign
///
/// They are not in use before `kentong warrant install`. A start of the node destroys them, for it signs
/// with the old ones: draft, sign and install while it is stopped.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong warrant draft -o MY.draft")]
struct DraftArgs {
    /// What a reader holds of this member's feeds, as its `kentong peers heads` wrote it: for a home that
    /// lost them. May be given several times: each reader knows only of the feeds that are for it.
    #[arg(long, value_name = "FILE")]
    heads: Vec<PathBuf>,
    /// Give up, for good, what this home does not hold of its feeds and no file names. Otherwise that
    /// is an error.
    #[arg(long)]
    as_held: bool,
    /// The serial, if the members know of a later warrant than this home: higher than that one's.
    #[arg(long, value_name = "N")]
    serial: Option<u64>,
    /// Where to write it; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Sign it with your agency's root key, on whatever machine that is used
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong warrant sign MY.draft --root-key /media/stick/root.key -o MY.warrant")]
struct SignArgs {
    /// The file that `kentong warrant draft` wrote.
    file: PathBuf,
    /// Where to write the warrant; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    root_key: RootKeyArgs,
}

/// Take the new keys in use
///
/// The old ones are destroyed here. This cannot be undone. The card that it writes is for the other
/// members.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong warrant install MY.warrant -o MY.card")]
struct InstallArgs {
    /// The file that `kentong warrant sign` wrote.
    file: PathBuf,
    /// Say that the node is now reached here, if it moved. May be given several times, the best first.
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<Address>,
    /// Where to write the new card; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Row {
    Warrant {
        member: String,
        serial: u64,
        heads: usize,
        card: String,
    },
}

impl WarrantArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        match self.what {
            What::Draft(args) => args.run(place),
            What::Sign(args) => args.run(place),
            What::Install(args) => args.run(place),
        }
    }
}

impl DraftArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        let _lock = home.lock()?;
        let passphrase = self.passphrase.get("the keys of this node", Typed::Once)?;
        let identity = Identity::open(&home, &passphrase)?;
        let readers = heads(&home, &identity, &self.heads)?;
        let (store, signer) = state(&home, &identity)?;
        let frozen = Frozen::of(&store, signer.as_ref(), &readers, self.as_held);
        let frozen = frozen.map_err(|error| anyhow!(in_words(&error)))?;
        if frozen.lost > 0 {
            place.advise(format_args!(
                "{} of this node's feeds are not whole here: what they lack is given up.",
                frozen.lost
            ))?;
        }
        if frozen.from_readers > 0 {
            place.advise(format_args!(
                "{} of this node's feeds are to be fetched from readers.",
                frozen.from_readers
            ))?;
        }
        let known = readers.iter().map(|held| held.warrant().serial()).max();
        let next = known
            .max(Some(identity.warrant.serial()))
            .unwrap_or_default()
            .saturating_add(1);
        let heads = frozen.heads();
        let count = heads.len();
        let terms = identity.draft_warrant(self.serial.unwrap_or(next), heads)?;
        place.write(self.output.as_deref(), terms.text().as_bytes())?;
        place.advise(format_args!(
            "Warrant {} names the heads of {count} of this node's feeds. Next: `kentong warrant sign` where \
             the root key is, then `kentong warrant install` here, all while the node is stopped.",
            terms.serial
        ))?;
        Ok(Outcome::Done)
    }
}

impl SignArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let draft = read_foreign(&self.file, Warrant::MAX_LEN)?;
        let text = String::from_utf8_lossy(&draft);
        let terms = WarrantTerms::read(&text).map_err(|error| {
            anyhow!(
                "{}: {error}; `kentong warrant draft` writes what is to be signed",
                self.file.display()
            )
        })?;
        place.advise(format_args!(
            "The keys that {} has used so far will count for nothing beyond the heads of {} of its \
             feeds. Make sure that this draft is that of your own node: anyone who has the new keys speaks \
             for {}.",
            terms.member,
            terms.heads.len(),
            terms.member
        ))?;
        let root = self.root_key.read_for(&terms.member)?;
        let signed = Warrant::issue(terms, &root).context("the warrant cannot be signed")?;
        place.write(self.output.as_deref(), signed.note().bytes())?;
        Ok(Outcome::Done)
    }
}

impl InstallArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        let _lock = home.lock()?;
        let note = read_foreign(&self.file, Warrant::MAX_LEN)?;
        let passphrase = self.passphrase.get("the keys of this node", Typed::Once)?;
        let mut identity = Identity::open(&home, &passphrase)?;
        let root = root_key(&home, &identity)?;
        let warrant = Warrant::open(&note, &identity.member, &root).map_err(|error| {
            anyhow!(
                "{}: {error}; name the file that `kentong warrant sign` wrote",
                self.file.display()
            )
        })?;
        let (store, signer) = state(&home, &identity)?;
        let frozen = Frozen::under(&store, signer.as_ref(), &warrant);
        let Some(frozen) = frozen.map_err(|error| anyhow!(in_words(&error)))? else {
            bail!(
                "the feeds of this home are not where they were when this warrant was drafted, so what \
                 was signed since would be void; draft another with `kentong warrant draft`"
            );
        };
        drop(store);
        if identity.warrant != warrant {
            identity.install_warrant(&home, &note, &root, &self.address)?;
        }
        // Only now: under the old key an older state would have let the node sign a second history.
        settle(&home, &frozen)?;
        let card = identity.bundle()?.encode();
        if self.output.is_some() || !place.json() {
            place.write(self.output.as_deref(), card.as_bytes())?;
        }
        if place.json() {
            place.emit(&Row::Warrant {
                member: identity.member.to_string(),
                serial: warrant.serial(),
                heads: warrant.heads().len(),
                card,
            })?;
            return Ok(Outcome::Done);
        }
        if frozen.resumed > 0 {
            place.advise(format_args!(
                "{} feeds that had ended in a recovery go on.",
                frozen.resumed
            ))?;
        }
        place.advise(format_args!(
            "{} has new keys, by warrant {}. Next: start the node, and give the card to one member, who \
             tells its node with `kentong peers add`: until then this node is turned away everywhere.",
            identity.member,
            warrant.serial()
        ))?;
        Ok(Outcome::Done)
    }
}

/// Store and signer state of a home whose lock is held; no signer state if it is lost.
fn state(home: &Home, identity: &Identity) -> Result<(Store, Option<Signer>)> {
    let folders = Folders {
        log: &home.log(),
        derived: &home.sled(),
    };
    let member = identity.member.clone();
    let (store, _) = crate::store::open(folders, identity.store_key(), member, Options::default())?;
    let signer = match Signer::open(&home.signer_state()) {
        Err(error) if error.is_lost() => None,
        signer => Some(signer?),
    };
    Ok((store, signer))
}

/// What readers hold, as their files say.
fn heads(home: &Home, identity: &Identity, files: &[PathBuf]) -> Result<Vec<HeldHeads>> {
    let Some(chain) = charter_files::chain(home)? else {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        bail!(
            "no charter is installed, so nobody can say whose heads these are; see `kentong charter \
             install --help`"
        );
    };
    let federation = chain.in_force().federation().as_str();
    let root = root_key(home, identity)?;
    let read = |path: &PathBuf| {
        let bytes = read_foreign(path, HeldHeads::MAX_LEN)?;
        HeldHeads::read(&bytes, federation, &identity.member, &root)
            .map_err(|error| anyhow!("{}: {error}; ask that reader for another", path.display()))
    };
    files.iter().map(read).collect()
}

/// The root key that the others use: that in the charter, if there is one.
fn root_key(home: &Home, identity: &Identity) -> Result<PublicKey> {
    let chain = charter_files::chain(home)?;
    let listed = chain
        .as_ref()
        .and_then(|chain| chain.in_force().member(&identity.member));
    Ok(listed.map_or(identity.root, |listed| *listed.root()))
}

/// Has the new key go on from the heads that the warrant names.
fn settle(home: &Home, frozen: &Frozen) -> Result<()> {
    let path = home.signer_state();
    let same = |signer: &Signer| {
        let signed = signer.iter().map(|(feed, signed)| (*feed, signed));
        signed.eq(frozen.signed.iter().map(|(feed, signed)| (*feed, *signed)))
    };
    if Signer::open(&path).is_ok_and(|signer| same(&signer)) {
        return Ok(());
    }
    let settled = Signer::unknown(&path).settle(frozen.signed.clone());
    settled.context("the new keys are in use; install the same warrant again to finish this")
}
