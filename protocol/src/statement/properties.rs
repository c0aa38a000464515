//! What holds for every statement and for any bytes.

use proptest::prelude::*;

use super::*;
use crate::arbitrary::{damage, damaged, statement};
use crate::golden::hex;

/// Taken, refused or of a later kind; whatever is taken is written back as it came.
fn canonical_or_refused(bytes: &[u8]) -> Result<(), TestCaseError> {
    match AnyStatement::decode(bytes) {
        Ok(AnyStatement::Known(statement)) => {
            prop_assert_eq!(hex(&statement.encode()), hex(bytes));
        }
        Ok(AnyStatement::Erased(erasure)) => {
            prop_assert_eq!(hex(&erasure.encode()), hex(bytes));
        }
        Ok(AnyStatement::Unknown { .. }) | Err(_) => {}
    }
    Ok(())
}

/// The statement in force after these arrived in this order, as a reader keeps it.
fn in_force<'a>(arrived: impl IntoIterator<Item = &'a Statement>) -> Option<(Rank, Vec<u8>)> {
    arrived.into_iter().fold(None, |held, statement| {
        let bytes = statement.encode();
        let next = Some((statement.rank(&bytes), bytes));
        if next.as_ref().map(|(rank, _)| rank) > held.as_ref().map(|(rank, _)| rank) {
            next
        } else {
            held
        }
    })
}

/// The order as `protocol/DECISIONS.md#order-does-not-depend-on-arrival` tells it, without the hash
/// that settles what is left.
fn told(statement: &Statement) -> (u32, u8, u8) {
    let (class, fields) = match &statement.said {
        Said::Asserted { stripped, .. } => {
            let given = Projection::FIELDS.iter();
            (
                1,
                given
                    .filter(|(_, field)| !stripped.contains(*field))
                    .count(),
            )
        }
        Said::Ceased => (0, 0),
        Said::Withdrawn { .. } => (2, 0),
    };
    let fields = u8::try_from(fields).unwrap();
    (statement.revision.number(), class, fields)
}

/// Statements of few revisions, so that many contend.
fn contending() -> impl Strategy<Value = Vec<Statement>> {
    let one = (statement(), 0..3_u32).prop_map(|(statement, revision)| Statement {
        revision: Revision::new(revision),
        ..statement
    });
    proptest::collection::vec(one, 1..12)
}

proptest! {
    #[test]
    fn round_trips(statement in statement()) {
        let bytes = statement.encode();
        prop_assert!(bytes.len() <= MAX_STATEMENT);
        prop_assert_eq!(
            AnyStatement::decode(&bytes),
            Ok(AnyStatement::Known(Box::new(statement)))
        );
    }

    #[test]
    fn any_bytes_are_canonical_or_refused(
        kind in 0..24_u8,
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        canonical_or_refused(&bytes)?;
        canonical_or_refused(&[&[0x87, VERSION, kind], bytes.as_slice()].concat())?;
    }

    #[test]
    fn damaged_ones_are_canonical_or_refused(statement in statement(), damage in damage()) {
        canonical_or_refused(&damaged(statement.encode(), &damage))?;
    }

    #[test]
    fn one_is_in_force_in_any_order_and_however_often(
        (arrived, shuffled) in contending()
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let held = in_force(&arrived);
        prop_assert_eq!(&in_force(&shuffled), &held);
        prop_assert_eq!(&in_force(arrived.iter().chain(&shuffled)), &held, "merged twice");
        let highest = arrived.iter().map(told).max().unwrap();
        let (_, bytes) = held.unwrap();
        let winner = arrived.iter().find(|statement| statement.encode() == bytes).unwrap();
        prop_assert_eq!(told(winner), highest);
    }

    #[test]
    fn only_the_same_bytes_have_the_same_rank(all in contending()) {
        for a in &all {
            for b in &all {
                let (one, two) = (a.encode(), b.encode());
                prop_assert_eq!(a.rank(&one) == b.rank(&two), one == two);
            }
        }
    }
}
