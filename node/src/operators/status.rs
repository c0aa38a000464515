//! The node about itself.

use kentong_protocol::charter::Charter;

use crate::control::reply::{Connected, Done, Reply, Status};
use crate::runtime::Node;
use crate::store::FeedState;

use super::counted;

impl Node<'_> {
    pub(super) fn status(&self, rows: &mut Vec<Reply>) -> Done {
        let charter = self.charter();
        let store = self.store();
        let others = || {
            let feeds = store.feeds().iter();
            feeds.filter(|feed| feed.genesis().publisher != *self.me())
        };
        rows.push(Reply::Status(Box::new(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            member: self.me().to_string(),
            federation: charter.map(|charter| charter.federation().to_string()),
            charter_version: charter.map(Charter::version),
            listening: self.listening().iter().map(ToString::to_string).collect(),
            pid: std::process::id(),
            uptime: self.uptime(),
            own: store.own().map_or(0, |own| own.len() as u64),
            received: others().map(FeedState::statements).sum(),
            feeds: store.feeds().len() as u64,
            connected: Connected {
                members: self.connected().len() as u64,
                others: self.parties().len().saturating_sub(1) as u64,
            },
            to_release: self.to_release() as u64,
            missing: others().map(FeedState::missing_count).sum(),
            log_bytes: folder_bytes(&self.log_folder()),
            memory: resident(),
            recovery: self.recovery(),
            warnings: self.all_warnings(),
        })));
        counted(rows)
    }
}

/// The bytes of the files of a folder; what cannot be read counts as none.
fn folder_bytes(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|about| about.len())
        .sum()
}

/// The process's resident memory in bytes; 0 where the system does not say.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}
