use std::collections::BTreeSet;

use kentong_keys::Digest;
use kentong_protocol::policy::{QuestionKind, Reason};

use super::*;

fn samples() -> Vec<Refused> {
    let text = || "x".to_owned();
    vec![
        Refused::Denied(Verdict::Deny {
            asked: QuestionKind::Share,
            reason: Reason::NoPermit,
        }),
        Refused::NoCharter,
        Refused::Halted(text()),
        Refused::Recovering { silent: Vec::new() },
        Refused::Store(StoreError::NoStatement),
        Refused::NotStored {
            why: text(),
            unfinished: true,
        },
        Refused::NotErased(text()),
        Refused::NotOurs(text()),
        Refused::NothingToExplain(text()),
        Refused::NotInForce(text()),
        Refused::ErasedAlready(text()),
        Refused::NotAnotherMember(None),
        Refused::NoGoAhead,
        Refused::NoIdToShow(text()),
        Refused::NoIdToErase(text()),
        Refused::TooManyEntries(1),
        Refused::Reason(text()),
        Refused::Policies(text()),
        Refused::OwnCard(text()),
        Refused::MemberFiles(text()),
        Refused::CharterGone("charter".into()),
        Refused::OtherCharter,
        Refused::GoAhead(text()),
        Refused::TooLong,
        Refused::NotUnderstood(serde_json::from_str::<u8>("x").unwrap_err()),
        Refused::Version(2),
        Refused::TooManySearches(8),
        Refused::TooManyCommands(64),
        Refused::JustStarted,
        Refused::PartsAreLost,
        Refused::FeedEnded {
            feed: FeedId::from_digest(Digest::from_bytes([1; 32])),
            readers: vec!["SG".into(), "TH".into()],
        },
        Refused::Stopping,
        Refused::Idle(10.0),
    ]
}

#[test]
fn each_code_has_a_reason_and_each_reason_a_next_step() {
    let mut codes = BTreeSet::new();
    for refused in samples() {
        let Failure {
            code,
            message,
            next,
        } = refused.into();
        codes.insert(code);
        assert!(!message.is_empty() && !next.is_empty(), "{code}");
        assert!(!next.ends_with('.'), "{next}: it ends a longer sentence");
    }
    assert_eq!(codes, Code::ALL.iter().copied().collect());
}

#[test]
fn what_differs_is_said() {
    let check = |refused: Refused, message: &str| assert_eq!(refused.to_string(), message);
    let recovering = |silent: &[&str]| Refused::Recovering {
        silent: silent.iter().map(ToString::to_string).collect(),
    };
    check(
        recovering(&["SG", "TH"]),
        "this node signs nothing before its readers have said what it signed last: it waits for SG, TH",
    );
    check(
        recovering(&[]),
        "this node signs nothing before its readers have said what it signed last: what they hold of it \
         is still to come, or to be taken in",
    );
    check(
        Refused::NotAnotherMember(Some("MY".into())),
        "MY is not another member",
    );
    check(
        Refused::NotAnotherMember(None),
        "nobody else is not another member",
    );
    check(
        Refused::Idle(10.0),
        "the node closed this connection: no request came in 10 s, or another command needed the place",
    );
}
