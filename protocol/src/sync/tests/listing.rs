//! No fault is without a test.

use crate::golden::variants;
use crate::sync::Fault;

variants!(FAULTS, name_of, Fault, {
    Fault::Undecodable(_) => "Undecodable",
    Fault::NoHello => "NoHello",
    Fault::Silent => "Silent",
    Fault::SecondHello => "SecondHello",
    Fault::WrongMember => "WrongMember",
    Fault::Version => "Version",
    Fault::ForeignFederation => "ForeignFederation",
    Fault::Checkpoint(_) => "Checkpoint",
    Fault::NotItsFeed => "NotItsFeed",
    Fault::TwoHistories => "TwoHistories",
    Fault::LeafGap => "LeafGap",
    Fault::LeafCount => "LeafCount",
    Fault::Leaf(_) => "Leaf",
    Fault::LeafOrder => "LeafOrder",
    Fault::NothingToErase => "NothingToErase",
    Fault::Genesis => "Genesis",
    Fault::NotForUs => "NotForUs",
    Fault::LeafProof => "LeafProof",
    Fault::TooManyFeeds => "TooManyFeeds",
    Fault::UnaskedBody => "UnaskedBody",
    Fault::Announced => "Announced",
    Fault::BodyMismatch => "BodyMismatch",
    Fault::UnaskedKey => "UnaskedKey",
    Fault::NotEntitled => "NotEntitled",
    Fault::BeyondEnd => "BeyondEnd",
    Fault::TooFast => "TooFast",
    Fault::Stalled => "Stalled",
    Fault::Evidence => "Evidence",
    Fault::UnaskedPaper => "UnaskedPaper",
    Fault::Paper => "Paper",
    Fault::Claim => "Claim",
    Fault::Receipt => "Receipt",
});

#[test]
fn every_fault_is_named_by_a_test() {
    assert_eq!(name_of(&Fault::Silent), "Silent");
    let tests = concat!(
        include_str!("faults.rs"),
        include_str!("forks.rs"),
        include_str!("papers.rs"),
        include_str!("relay.rs")
    );
    for name in FAULTS {
        let named = tests
            .match_indices(&format!("Fault::{name}"))
            .any(|(at, found)| {
                let after = tests[at + found.len()..].chars().next();
                !after.is_some_and(char::is_alphanumeric)
            });
        assert!(named, "no test names Fault::{name}");
    }
}
