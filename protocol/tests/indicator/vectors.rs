//! The conformance vectors: written forms and what every member must make of them.
//!
//! A row has what was written, the region if one is known, and the canonical value or the name of
//! the error. `private` allows private addresses; `peer` says that the text came from a peer, which
//! must have sent the canonical form; `accused` that the text is to be published, hence read in one way
//! or not at all.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kentong_protocol::indicator::{Country, Kind, Reading, Value};

/// The source of the errors, which nothing can be added to without being seen here.
const ERRORS: &str = include_str!("../../src/indicator/value/error.rs");

struct Row {
    written: String,
    how: Reading,
    peer: bool,
    accused: bool,
    /// The canonical value, or the error's name.
    outcome: Result<String, String>,
}

fn rows(kind: Kind) -> Vec<Row> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/indicator"
    ));
    let text = std::fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap();
    let rows: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(&text).unwrap();
    rows.iter().map(row).collect()
}

fn row(fields: &serde_json::Map<String, serde_json::Value>) -> Row {
    let text = |name: &str| {
        fields
            .get(name)
            .map(|field| field.as_str().unwrap().to_owned())
    };
    let flag = |name: &str| {
        fields
            .get(name)
            .is_some_and(|field| field.as_bool().unwrap())
    };
    let known = [
        "written",
        "region",
        "private",
        "peer",
        "accused",
        "canonical",
        "error",
    ];
    assert!(
        fields.keys().all(|name| known.contains(&name.as_str())),
        "{fields:?}"
    );
    Row {
        written: text("written").unwrap(),
        how: Reading {
            region: text("region").map(|code| code.parse().unwrap()),
            allow_private: flag("private"),
        },
        peer: flag("peer"),
        accused: flag("accused"),
        outcome: match (text("canonical"), text("error")) {
            (Some(canonical), None) => Ok(canonical),
            (None, Some(error)) => Err(error),
            _ => panic!("either a canonical value or an error: {fields:?}"),
        },
    }
}

#[test]
fn every_row_holds() {
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        for row in rows(kind) {
            let value = if row.peer {
                Value::from_canonical(kind, &row.written)
            } else if row.accused {
                Value::accuse(kind, &row.written, &row.how)
            } else {
                Value::parse(kind, &row.written, &row.how)
            };
            let outcome = value
                .map(|value| value.as_str().to_owned())
                .map_err(|error| format!("{error:?}"));
            if let Ok(canonical) = &outcome {
                assert!(
                    Value::from_canonical(kind, canonical).is_ok(),
                    "{canonical:?}"
                );
            }
            if outcome != row.outcome {
                wrong.push(format!(
                    "{kind} {:?}: {outcome:?}, not {:?}",
                    row.written, row.outcome
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_error_has_a_row() {
    let shown: BTreeSet<String> = Kind::ALL
        .into_iter()
        .flat_map(rows)
        .filter_map(|row| row.outcome.err())
        .collect();
    let variants: BTreeSet<String> = ERRORS
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(','))
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .map(ToOwned::to_owned)
        .collect();
    assert!(
        variants.len() > 30,
        "the variants were not found: {variants:?}"
    );
    assert_eq!(variants, shown);
}

#[test]
fn every_state_has_phones_and_accounts() {
    for state in [
        "BN", "KH", "ID", "LA", "MY", "MM", "PH", "SG", "TH", "TL", "VN",
    ] {
        for kind in [Kind::Phone, Kind::BankAccount] {
            let values = rows(kind)
                .into_iter()
                .filter_map(|row| Value::from_canonical(kind, &row.outcome.ok()?).ok())
                .filter(|value| value.country().as_ref().map(Country::as_str) == Some(state))
                .count();
            assert!(values >= 4, "{state} has {values} rows of {kind}");
        }
    }
}
