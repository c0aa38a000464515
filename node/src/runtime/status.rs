//! The node about itself, its members and its feeds.

use kentong_protocol::MemberName;
use kentong_protocol::charter::{Charter, Membership};
use kentong_protocol::member::Stands;
use kentong_protocol::time::DAY;

use crate::control::reply::{
    BrokenRule, Confirmed, Connected, Done, Feed, Head, Peer, PeerState, Reply, Status, Warning,
};
use crate::store::{FeedState, Vouched};

use super::core::Core;

/// How many of the bodies that nobody gives are named.
const SHOWN_REFUSED: usize = 5;

impl Core {
    pub(super) fn status(&self, rows: &mut Vec<Reply>) -> Done {
        let charter = self.members.charter();
        let others = || {
            self.store
                .feeds()
                .iter()
                .filter(|f| f.genesis().publisher != self.me)
        };
        let mut connected: Vec<_> = self.sessions.links().map(|(_, member)| member).collect();
        connected.sort_unstable();
        connected.dedup();
        let members = self.members.parties().len().saturating_sub(1);
        rows.push(Reply::Status(Box::new(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            member: self.me.to_string(),
            federation: charter.map(|charter| charter.federation().to_string()),
            charter_version: charter.map(Charter::version),
            listening: self.listening.iter().map(ToString::to_string).collect(),
            pid: std::process::id(),
            uptime: self.now().millis / 1000,
            own: self.store.own().map_or(0, |own| own.len() as u64),
            received: others().map(FeedState::statements).sum(),
            feeds: self.store.feeds().len() as u64,
            connected: Connected {
                members: connected.len() as u64,
                others: members as u64,
            },
            to_release: self.sweep.len() as u64,
            missing: others().map(FeedState::missing_count).sum(),
            log_bytes: folder_bytes(&self.home.log()),
            memory: resident(),
            recovery: self.recovery(),
            warnings: self.all_warnings(),
        })));
        Done {
            count: 1,
            ..Done::default()
        }
    }

    fn all_warnings(&self) -> Vec<Warning> {
        let now = self.wall();
        let present = |text: String| Warning {
            text,
            since: now.to_string(),
            last: now.to_string(),
            times: 1,
        };
        let mut warnings: Vec<_> = self.warnings.shown().collect();
        if self.members.charter().is_none() {
            let text = "no charter is installed: see `kentong charter install --help`";
            warnings.push(present(text.into()));
        }
        for (member, standing) in &self.standing {
            for (fault, (times, last)) in &standing.faults {
                if now.since(*last).is_none_or(|ago| ago < DAY) {
                    let text = match times {
                        1 => format!("{member} {fault}"),
                        _ => format!("{member} {fault} ({times} times)"),
                    };
                    warnings.push(Warning {
                        text,
                        since: last.to_string(),
                        last: last.to_string(),
                        times: 1,
                    });
                }
            }
            let missing = self.wanted_of(member);
            if standing.withheld > 0 && missing > 0 {
                warnings.push(present(format!(
                    "{member} withholds what it published: {missing} bodies are missing"
                )));
            }
        }
        let refused = self.relay.refused();
        let refused = refused.filter(|(feed, index, _)| self.store.lacks(feed, *index));
        for (feed, index, by) in refused.take(SHOWN_REFUSED) {
            let by: Vec<_> = by.iter().map(ToString::to_string).collect();
            warnings.push(present(format!(
                "body {index} of feed {feed} is not given by {}; it is asked for again, and of others",
                by.join(", ")
            )));
        }
        warnings.extend(self.waiting_in_words().into_iter().map(present));
        warnings.extend(self.over_quota_in_words().into_iter().map(present));
        warnings.extend(self.governance_warnings().into_iter().map(present));
        for evidence in self.relay.forked() {
            warnings.push(present(format!(
                "{} signed two histories of feed {}: no more is taken of it; the evidence is in {}",
                evidence.publisher,
                evidence.feed,
                self.home.evidence().display()
            )));
        }
        warnings
    }

    pub(super) fn peers(&self, rows: &mut Vec<Reply>) -> Done {
        for (party, stands) in self.members.listed(self.wall()) {
            let standing = self.standing.get(&party.name);
            let connected = self.sessions.is_linked(&party.name);
            let card = self
                .members
                .credentials(&party.name)
                .and_then(|(_, card)| card);
            let state = if party.name == self.me {
                PeerState::ThisNode
            } else if stands == Stands::Severed {
                PeerState::Severed
            } else if let Stands::By(Membership::Suspended { .. }) = stands {
                PeerState::Suspended
            } else if let Stands::By(Membership::Left { .. }) = stands {
                PeerState::Left
            } else if connected {
                PeerState::Connected
            } else if card.is_none() {
                PeerState::NoCard
            } else {
                PeerState::NotConnected
            };
            let why = match state {
                PeerState::NoCard => {
                    Some("its card is missing: `kentong peers add FILE`".to_owned())
                }
                PeerState::NotConnected => standing.and_then(|standing| standing.why.clone()),
                PeerState::Connected => standing
                    .and_then(|standing| standing.goes_by)
                    .filter(|(version, _)| {
                        Some(*version) != self.members.charter().map(Charter::version)
                    })
                    .map(|(version, _)| format!("it goes by version {version} of the charter")),
                PeerState::ThisNode
                | PeerState::Severed
                | PeerState::Suspended
                | PeerState::Left => why_not(stands),
            };
            let feeds = || self.store.feeds().of(&party.name);
            let faults = standing
                .map(|standing| standing.faults.clone())
                .unwrap_or_default();
            rows.push(Reply::Peer(Box::new(Peer {
                member: party.name.to_string(),
                name: self.members.display_name(&party.name),
                groups: party.groups.iter().map(ToString::to_string).collect(),
                state,
                why,
                heard: standing.and_then(|s| s.heard).map(|time| time.to_string()),
                statements: feeds().map(FeedState::statements).sum(),
                missing: feeds().map(FeedState::missing_count).sum(),
                faults: faults
                    .into_iter()
                    .map(|(rule, (times, _))| BrokenRule { rule, times })
                    .collect(),
                addresses: card
                    .map(|card| card.addresses().iter().map(ToString::to_string).collect())
                    .unwrap_or_default(),
            })));
        }
        Done {
            count: rows.len() as u64,
            ..Done::default()
        }
    }

    pub(super) fn feeds_held(&self, rows: &mut Vec<Reply>) -> Done {
        for held in self.store.feeds().iter().filter(|feed| feed.size() > 0) {
            let genesis = held.genesis();
            let unopened = self.store.view(&held.id()).map_or(0, |view| view.unopened);
            rows.push(Reply::Feed(Box::new(Feed {
                id: held.id().to_string(),
                publisher: genesis.publisher.to_string(),
                audience: genesis
                    .audience
                    .members()
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                closed: held.is_closed(),
                void: held.is_void(),
                leaves: held.size(),
                signed: held.checkpoint().map_or(0, |(size, _)| size),
                statements: held.statements(),
                missing: held.missing_count(),
                erased: held.erased_count(),
                unopened,
                applied: held.applied_to(),
                receipts: self.receipts(held),
            })));
        }
        Done {
            count: rows.len() as u64,
            ..Done::default()
        }
    }

    /// The heads of a member's feeds that its present key signed.
    pub(super) fn heads(&self, member: &MemberName, rows: &mut Vec<Reply>) -> Done {
        let present = |held: &&FeedState| held.vouched() == Vouched::Present;
        for held in self.store.feeds().of(member).filter(present) {
            let note = held.checkpoint().map(|(_, note)| note.to_vec());
            if let Some(Ok(note)) = note.map(String::from_utf8) {
                let feed = held.id().to_string();
                rows.push(Reply::Head(Head { feed, note }));
            }
        }
        Done {
            count: rows.len() as u64,
            ..Done::default()
        }
    }

    /// What each reader of an own feed said last that it holds.
    fn receipts(&self, held: &FeedState) -> Vec<Confirmed> {
        let genesis = held.genesis();
        if genesis.publisher != self.me {
            return Vec::new();
        }
        let readers = genesis
            .audience
            .members()
            .iter()
            .filter(|reader| **reader != self.me);
        let said = readers.filter_map(|reader| {
            let holds = self.holds(held.id(), reader)?;
            Some(Confirmed {
                reader: reader.to_string(),
                leaves: holds.size,
                missing: holds.missing,
                unopened: holds.unopened,
                applied: holds.applied,
            })
        });
        said.collect()
    }
}

/// What keeps a member out although the charter lists it.
fn why_not(stands: Stands) -> Option<String> {
    match stands {
        Stands::By(Membership::Suspended { until }) => Some(format!("until {until}")),
        Stands::By(Membership::Left { since }) => Some(format!("since {since}")),
        Stands::By(Membership::InForce | Membership::Stranger) => None,
        Stands::Severed => Some("by this node: `kentong peers unsever`".to_owned()),
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
