//! Who should have which sample, by its marking alone.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use kentong_protocol::indicator::{
    Assertion, Confidence, Fields, Reading, Recipient, Scheme, Tlp, Value,
};

use crate::import::{self, Import};

use super::samples::{self, Samples};

/// A sample and the members that should end with it.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) publisher: &'static str,
    pub(super) value: Value,
    pub(super) assertion: Assertion,
    pub(super) readers: BTreeSet<&'static str>,
}

/// The samples of these members, each with its readers.
pub(super) fn all(members: &[&'static str]) -> Result<Vec<Expected>> {
    let mut expected = Vec::new();
    for Samples {
        member: publisher,
        csv,
    } in samples::ALL
    {
        if !members.contains(&publisher) {
            continue;
        }
        let options = import::Options {
            format: None,
            columns: import::Columns::ByHeader,
            kind: None,
            reading: Reading::default(),
            said: Fields::new(Scheme::Other, Confidence::try_from(50)?, Tlp::Green),
            unsaid: Vec::new(),
        };
        let bytes = csv.as_bytes();
        let rows = Import::read(bytes, Some(bytes.len() as u64), "samples.csv", &options)?;
        for row in rows {
            let draft = row?
                .outcome
                .context("a sample of this program cannot be read")?;
            let readers = members
                .iter()
                .copied()
                .filter(|member| *member != publisher);
            let readers = readers
                .filter(|member| may_have(&draft.assertion, member))
                .collect();
            let import::Candidate {
                value, assertion, ..
            } = draft;
            expected.push(Expected {
                publisher,
                value,
                assertion,
                readers,
            });
        }
    }
    Ok(expected)
}

/// TLP 2.0, as the table in `protocol/src/policy/tlp.rs` has it: clear and green go to the whole federation,
/// the others to whom they name.
fn may_have(assertion: &Assertion, member: &str) -> bool {
    match assertion.tlp {
        // Who names recipients means nobody else.
        Tlp::Clear | Tlp::Green if assertion.releasable_to.is_empty() => true,
        Tlp::Clear | Tlp::Green | Tlp::Amber | Tlp::AmberStrict | Tlp::Red => assertion
            .releasable_to
            .iter()
            .any(|recipient| match recipient {
                Recipient::Member(name) => name.as_str() == member,
                Recipient::Group(_) => false,
            }),
    }
}
