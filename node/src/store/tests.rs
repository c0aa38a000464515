//! The store against crashes, damage, disorder and restarts.

mod commit;
mod crash;
mod disorder;
mod erasing;
mod former;
mod frozen;
mod golden;
mod kept;
mod own;
mod publisher;
mod rate;
mod refuse;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kentong_keys::{Digest, EpochKey, MemberName, StoreKey};
use kentong_protocol::feed::Leaf;
use kentong_protocol::indicator::Projection;
use kentong_protocol::statement::Said;
use kentong_protocol::time::Timestamp;
use tempfile::TempDir;

use super::*;
use publisher::*;

const FEDERATION: Digest = Digest::from_bytes([9; 32]);

fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

/// A node's folders.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("log")
    }

    fn sled(&self) -> PathBuf {
        self.0.path().join("sled")
    }

    fn open(&self) -> (Store, Opening) {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<(Store, Opening), StoreError> {
        let folders = Folders {
            log: &self.log(),
            derived: &self.sled(),
        };
        let log = log::Options {
            create: true,
            ..log::Options::default()
        };
        let key = StoreKey::from_secret([7; 32]);
        Store::open(
            folders,
            key,
            name("MY"),
            Options {
                log,
                ..Options::default()
            },
        )
    }

    /// What a disk would hold if the power went now, with all writes that were made.
    fn copy(&self) -> Self {
        let to = Self::new();
        copy_folder(self.0.path(), to.0.path());
        to
    }

    /// The folders that were set aside.
    fn aside(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.contains("damaged"));
        names.sort();
        names
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn commit(store: &mut Store, step: Step) -> Applied {
    store.commit(step, Durably::Synced).unwrap()
}

/// All that a store answers, as text: equal for two stores that answer alike.
fn answers(store: &Store) -> String {
    let mut text = String::new();
    for feed in store.feeds().iter() {
        let (id, size, root) = (feed.id(), feed.size(), feed.tree().root());
        writeln!(text, "{:?} {id} {size} {root}", feed.number()).unwrap();
        writeln!(text, "{:?} {}", feed.checkpoint(), feed.statements()).unwrap();
        writeln!(text, "{} {}", feed.applied_to(), feed.is_closed()).unwrap();
        writeln!(text, "keeps {} bytes", feed.kept_bytes()).unwrap();
        for (epoch, state) in feed.epochs() {
            let key = store.epoch_key(id, *epoch).unwrap();
            let key = key.map(|key| Digest::from_bytes(*key.secret().expose()).short());
            writeln!(
                text,
                "  {epoch} {} {} {key:?}",
                state.index, state.commitment
            )
            .unwrap();
        }
        for index in 0..size {
            let leaf = store.leaf(id, index).unwrap();
            let leaf = kentong_protocol::feed::leaf_hash(&leaf).short();
            let body = store.body(id, index).map(|body| body.len()).ok();
            let others = (
                store.refused(id, index).unwrap(),
                store.dispositions(id, index).unwrap(),
            );
            writeln!(
                text,
                "  {index} {leaf} {:?} {body:?} {others:?}",
                feed.body(index)
            )
            .unwrap();
        }
        for peer in ["SG", "TH"] {
            writeln!(
                text,
                "  {peer} {:?}",
                store.receipt(id, &name(peer)).unwrap()
            )
            .unwrap();
        }
    }
    for found in store.scan(|_| true) {
        let (place, statement) = found.unwrap();
        let others = store.find(statement.value.kind(), &statement.value.comparison_key());
        assert_eq!(store.statement(place).unwrap().0, statement);
        writeln!(
            text,
            "{place:?} {:?} {:?} {others:?}",
            statement.value, statement.said
        )
        .unwrap();
    }
    let own = store.own().unwrap();
    let rows = own.iter().map(|row| {
        // Numbers of carried sets mean nothing outside one table.
        let carried = own.carried(row.carried);
        format!(
            "{carried:?} {:?}",
            OwnEntry {
                carried: own.empty_set(),
                ..row
            }
        )
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    text + &rows.join("\n")
}

/// The store is made by one thread and owned by another.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Store>();
};
