//! Which of two words of a publisher is the later one, when a part of its history has come back.

use super::Statement;

/// What the publisher's feed for itself alone is to say next of an indicator, given what that feed says
/// and what has come back; nothing if it says enough.
///
/// What was said after the node forgot the rest is the later word, but took too low a number: it is said
/// again under a higher one. So is what came back under the number of an earlier word: that one was written
/// just before a crash, signed by nobody, and lies in an older copy all the same.
#[must_use]
pub fn later_word(known: Option<Statement>, back: Statement) -> Option<Statement> {
    let Some(known) = known else {
        return Some(back);
    };
    if known.revision > back.revision || known.made == back.made && known.revision == back.revision
    {
        return None; // What it released has the time of what it says itself.
    }
    if known.made > back.made {
        let revision = back.revision.next()?;
        return Some(Statement { revision, ..known });
    }
    if known.revision == back.revision {
        let revision = back.revision.next()?;
        return Some(Statement { revision, ..back });
    }
    (known.revision < back.revision).then_some(back)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounded::BoundedText;
    use crate::indicator::{Kind, Value};
    use crate::statement::{Revision, Said};
    use crate::time::Timestamp;

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
    fn the_later_word_gets_the_higher_number() {
        for (known, back, next) in [
            (None, (3, 10), Some((3, 10))),
            (Some((1, 5)), (3, 10), Some((3, 10))),
            // The same, as it was released.
            (Some((3, 10)), (3, 10), None),
            (Some((4, 20)), (3, 10), None),
            // Said after a restart by who did not know of what has come back.
            (Some((2, 20)), (3, 10), Some((4, 20))),
            (Some((3, 20)), (3, 10), Some((4, 20))),
            // Written before a crash, and never signed.
            (Some((3, 10)), (3, 20), Some((4, 20))),
            (Some((2, 20)), (u32::MAX, 10), None),
        ] {
            let found = later_word(known.map(|(r, made)| said(r, made)), said(back.0, back.1));
            let found = found.map(|one| (one.revision, one.made));
            let next = next.map(|(r, made)| (Revision::new(r), Timestamp::EPOCH.plus(made)));
            assert_eq!(found, next, "{known:?} {back:?}");
        }
    }
}
