use std::path::PathBuf;

use kentong_keys::Digest;
use kentong_protocol::feed::FeedId;
use kentong_protocol::time::Timestamp;

use super::*;

fn check(warning: Warning, says: &str) {
    let text = in_words(&warning);
    assert!(text.contains(says), "{text}");
    let now = Timestamp::EPOCH;
    let shown = shown(&Noted {
        warning,
        since: now,
        last: now.plus(1),
        times: 2,
    });
    assert_eq!((shown.text, shown.times), (text, 2));
    assert!(shown.since < shown.last);
}

fn error() -> String {
    "it is full".to_owned()
}

fn why() -> String {
    "a test".to_owned()
}

fn th() -> MemberName {
    "TH".parse().unwrap()
}

fn path() -> PathBuf {
    "evidence/1".into()
}

fn feed() -> FeedId {
    FeedId::from_digest(Digest::from_bytes([1; 32]))
}

#[test]
fn what_is_wrong_here_is_named() {
    let feed = feed();
    let rebuilt = |set_aside| Warning::Rebuilt {
        why: why(),
        set_aside,
    };
    check(rebuilt(None), "rebuilt from the log: a test");
    check(
        rebuilt(Some(path())),
        "a test; the old one lies in evidence/1 and may be deleted",
    );
    let signed = 7;
    check(
        Warning::PrivateLost { feed, signed },
        &format!("(7 leaves of feed {feed})"),
    );
    check(Warning::PartsGone { feeds: 3 }, "parts of 3 feeds are gone");
    check(
        Warning::GoneAhead { heard: 2 },
        "after 2 members were heard",
    );
    check(
        Warning::Halted { why: why() },
        "publishing is halted: a test; restart the node",
    );
    check(
        Warning::NotReleased { error: error() },
        "not released yet: it is full",
    );
    check(Warning::Unconfirmed, "unconfirmed start");
    let held = 5;
    check(
        Warning::Lost { feed, signed, held },
        &format!("7 leaves of our feed {feed} are signed and this node holds 5"),
    );
    check(
        Warning::NotOpened { error: error() },
        "not all open: it is full",
    );
    check(Warning::FailedBeside { member: th() }, "the link with TH");
    check(Warning::FailedInside, "something that another member sent");
    check(Warning::Keys { error: error() }, "cannot be: it is full");
    check(
        Warning::Papers { error: error() },
        "as they were: it is full",
    );
    check(
        Warning::WaitingPapers { error: error() },
        "tried again: it is full",
    );
}

#[test]
fn what_became_of_a_failure_is_named() {
    let minutes = 2;
    let failed = |message| Warning::Failed {
        member: th(),
        minutes,
        message,
    };
    check(
        failed(Kept::File(path())),
        "TH may come back in 2 minutes. The message is in evidence/1: send",
    );
    check(failed(Kept::Already(path())), "enough others of TH, is in");
    check(failed(Kept::Not(error())), "could not be kept (it is full)");
}

#[test]
fn the_member_is_named() {
    let member = th();
    check(
        Warning::Exchange {
            member,
            error: error(),
        },
        "exchange with TH is hindered: it is full",
    );
    let former_kept = Warning::FormerKept {
        member: th(),
        error: error(),
    };
    check(
        former_kept,
        "TH replaced its keys: what a former key signed beyond could not",
    );
    let (member, leaves) = (th(), 4);
    check(
        Warning::FormerTakenBack { member, leaves },
        "4 leaves that a former key signed",
    );
    let (member, feeds) = (th(), 4);
    check(
        Warning::FormerVoid { member, feeds },
        "4 feeds that a former key of TH signed",
    );
    let (member, file) = (th(), path());
    check(
        Warning::TwoHistories { member, file },
        "TH signed two histories of one feed: see evidence/1",
    );
    let (member, error) = (th(), error());
    check(
        Warning::EvidenceNotKept { member, error },
        "evidence against TH could not be kept: it is full",
    );
    let (member, folder) = (th(), path());
    check(
        Warning::VotedTwice {
            member,
            version: 2,
            round: 1,
            folder,
        },
        "TH signed two charters of version 2 in round 1",
    );
}
