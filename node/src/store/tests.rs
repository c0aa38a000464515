//! The store over files and sled, against crashes and damage. What needs only a store is tested where that
//! is.

mod crash;
mod erased;
mod frozen;
mod golden;
mod older_home;
mod rate;

use std::fmt::Write as _;
use std::fs;

use kentong_keys::Digest;
use kentong_protocol::feed::Leaf;
use kentong_protocol::indicator::Projection;
use kentong_protocol::statement::Said;
use kentong_protocol::store::Rows as _;
use kentong_protocol::store::sample::*;
use kentong_protocol::time::Timestamp;
use tempfile::TempDir;

use super::*;

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
        open(
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

/// The store is made by one thread and owned by another.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Store>();
};
