//! What our answers are to say next, given what they say and what has come back.

use crate::statement::{Revision, Said, Statement, later_word};

/// What the feed for us alone is to say next when a statement of ours comes back; nothing if it says
/// enough. `erased_to` is the number that the erasure of its indicator took, and `known` reads what that
/// feed says now. Fields that never leave the node are gone.
pub fn to_load<E>(
    back: Statement,
    erased_to: Option<Revision>,
    known: impl FnOnce(&Statement) -> Result<Option<Statement>, E>,
) -> Result<Option<Statement>, E> {
    let is_erased = erased_to.is_some_and(|erased| erased >= back.revision);
    if is_erased || matches!(back.said, Said::Ceased) {
        return Ok(None);
    }
    let known = known(&back)?;
    Ok(later_word(known, back))
}

#[cfg(test)]
mod tests {
    use crate::bounded::BoundedText;
    use crate::indicator::{Kind, Value};
    use crate::time::Timestamp;

    use super::*;

    fn said(revision: u32, made: u64) -> Statement {
        Statement {
            value: Value::parse(Kind::Domain, "a.example", &Default::default()).unwrap(),
            revision: Revision::new(revision),
            made: Timestamp::EPOCH.plus(made),
            said: Said::Withdrawn {
                reason: BoundedText::new(format!("at {made}")).unwrap(),
            },
        }
    }

    #[test]
    fn what_was_erased_or_has_ceased_is_not_loaded() {
        let nothing_known = |_: &Statement| Ok::<_, ()>(None);
        let ceased = Statement {
            said: Said::Ceased,
            ..said(3, 10)
        };
        for (back, erased_to, loaded) in [
            (said(3, 10), None, true),
            (said(3, 10), Some(2), true),
            (said(3, 10), Some(3), false),
            (said(3, 10), Some(4), false),
            (ceased, None, false),
        ] {
            let found = to_load(back, erased_to.map(Revision::new), nothing_known).unwrap();
            assert_eq!(found.is_some(), loaded, "{erased_to:?}");
        }
        assert_eq!(to_load(said(1, 1), None, |_| Err("disk")), Err("disk"));
    }
}
