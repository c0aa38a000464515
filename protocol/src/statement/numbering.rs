//! What number a publisher's next word on an indicator takes, or why it takes none.

use core::borrow::Borrow;

use crate::indicator::Kind;
use crate::time::Timestamp;

use super::{Revision, Said, Statement};

/// What a publisher has said of an indicator so far. Of one that it never spoke of: the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaidBefore {
    /// The highest number that any statement about it took, its erasure included.
    pub highest: Revision,
    /// Whether the newest statement withdraws it.
    pub withdrawn: bool,
    /// Whether all that was said of it was erased, and nothing has been said since.
    pub erased: bool,
}

/// What follows from somebody's wish to say something of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// It is said, under this number.
    As(Revision),
    /// It says nothing new, or there is no number left.
    NothingNew,
    /// It was withdrawn, and it was not asked to assert it again.
    Withdrawn,
    /// It was erased, and it was not asked to assert it again.
    Erased,
}

impl SaidBefore {
    /// Numbers what is said at `now`. The newest statement, none if there is none, is asked for only where
    /// it decides: reading it costs time. With `again`, what was withdrawn or erased may be asserted.
    pub fn number<S: Borrow<Statement>, E>(
        self,
        said: &Said,
        again: bool,
        now: Timestamp,
        newest: impl FnOnce() -> Result<Option<S>, E>,
    ) -> Result<Numbered, E> {
        let asserts = matches!(said, Said::Asserted { .. });
        if asserts && self.withdrawn && !again {
            return Ok(Numbered::Withdrawn);
        }
        if asserts && self.erased && !again {
            return Ok(Numbered::Erased);
        }
        if newest()?.is_some_and(|newest| says_nothing_new(said, newest.borrow(), now)) {
            return Ok(Numbered::NothingNew);
        }
        let next = self.highest.next();
        Ok(next.map_or(Numbered::NothingNew, Numbered::As))
    }
}

/// Whether saying this at `now` tells nobody anything beyond what `before` told. The same assertion is
/// news when it renews one that would expire: see [`Assertion::is_due_anew`].
///
/// [`Assertion::is_due_anew`]: crate::indicator::Assertion::is_due_anew
#[must_use]
pub fn says_nothing_new(said: &Said, before: &Statement, now: Timestamp) -> bool {
    let (kind, made): (Kind, _) = (before.value.kind(), before.made);
    match (said, &before.said) {
        (
            Said::Asserted { assertion, .. },
            Said::Asserted {
                assertion: earlier, ..
            },
        ) => {
            // The earlier one decides what is due: one that says until when it holds goes on to.
            let due =
                earlier.is_due_anew(kind, made, now) && assertion.is_due_anew(kind, made, now);
            !assertion.is_news(earlier) && !due
        }
        (Said::Withdrawn { .. }, Said::Withdrawn { .. }) => true,
        (Said::Asserted { .. } | Said::Withdrawn { .. } | Said::Ceased, _) => false,
    }
}

impl Statement {
    /// Whether readers who have `before`, an earlier revision, without some fields, believe by it what is
    /// not so any longer: this says something else, or ends sooner. One that only says that the same still
    /// holds is no correction.
    #[must_use]
    pub fn corrects(&self, before: &Self) -> bool {
        let (
            Said::Asserted { assertion, .. },
            Said::Asserted {
                assertion: earlier,
                stripped,
            },
        ) = (&self.said, &before.said)
        else {
            return true;
        };
        let kind = self.value.kind();
        !earlier.same_but_for_times(&assertion.released(*stripped))
            || assertion.holds_until(kind, self.made) < earlier.holds_until(kind, before.made)
    }
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use super::*;
    use crate::bounded::BoundedText;
    use crate::indicator::{
        Assertion, Confidence, Fields, Projection, Scheme, Tlp, Value, default_validity,
    };

    const MADE: u64 = 1_000;

    fn asserted(confidence: u8, valid_until: Option<u64>) -> Said {
        let confidence = Confidence::try_from(confidence).unwrap();
        let draft = Fields {
            valid_until: valid_until.map(|at| Timestamp::EPOCH.plus(at)),
            ..Fields::new(Scheme::Job, confidence, Tlp::Green)
        };
        Said::Asserted {
            assertion: Box::new(Assertion::try_from(draft).unwrap()),
            stripped: Projection::NOTHING,
        }
    }

    fn withdrawn() -> Said {
        Said::Withdrawn {
            reason: BoundedText::new("over").unwrap(),
        }
    }

    fn statement(said: Said) -> Statement {
        Statement {
            value: Value::parse(Kind::Domain, "a.example", &Default::default()).unwrap(),
            revision: Revision::new(3),
            made: Timestamp::EPOCH.plus(MADE),
            said,
        }
    }

    #[test]
    fn what_says_the_same_is_news_only_when_it_renews() {
        let half = default_validity(Kind::Domain) / 2;
        let until = Some(10_000_000_000);
        for (said, before, age, nothing_new) in [
            (asserted(50, None), asserted(50, None), 1, true),
            (asserted(60, None), asserted(50, None), 1, false),
            (asserted(50, None), asserted(50, None), half - 1, true),
            (asserted(50, None), asserted(50, None), half, false),
            // One that says until when it holds goes on to.
            (asserted(50, None), asserted(50, until), half, true),
            (asserted(50, until), asserted(50, until), half, true),
            (asserted(50, None), withdrawn(), 1, false),
            (withdrawn(), asserted(50, None), 1, false),
            (withdrawn(), withdrawn(), half, true),
        ] {
            let now = Timestamp::EPOCH.plus(MADE + age);
            let found = says_nothing_new(&said, &statement(before.clone()), now);
            assert_eq!(found, nothing_new, "{said:?} {before:?} {age}");
        }
    }

    #[test]
    fn only_what_says_something_else_or_ends_sooner_corrects() {
        let until = |at| asserted(50, Some(at));
        for (said, before, corrects) in [
            (until(9_000), until(9_000), false),
            (until(9_001), until(9_000), false),
            (until(8_999), until(9_000), true),
            (asserted(60, Some(9_000)), until(9_000), true),
            (withdrawn(), until(9_000), true),
            (until(9_000), withdrawn(), true),
        ] {
            let found = statement(said.clone()).corrects(&statement(before.clone()));
            assert_eq!(found, corrects, "{said:?} {before:?}");
        }
        let renewed = Statement {
            made: Timestamp::EPOCH.plus(MADE + 1),
            ..statement(asserted(50, None))
        };
        assert!(!renewed.corrects(&statement(asserted(50, None))));
        assert!(statement(asserted(50, None)).corrects(&renewed));
    }

    #[test]
    fn each_word_takes_the_next_number_or_says_why_not() {
        let check = |before: SaidBefore, said: Said, newest: Option<Said>, again, expected| {
            let newest = || Ok::<_, Infallible>(newest.clone().map(statement));
            let now = Timestamp::EPOCH.plus(MADE + 1);
            let found = before.number(&said, again, now, newest);
            assert_eq!(found, Ok(expected), "{before:?} {said:?}");
        };
        let before = |highest, withdrawn, erased| SaidBefore {
            highest: Revision::new(highest),
            withdrawn,
            erased,
        };
        let (one, other) = (asserted(50, None), asserted(60, None));
        let number = |number| Numbered::As(Revision::new(number));
        check(SaidBefore::default(), one.clone(), None, false, number(1));
        let three = before(3, false, false);
        check(
            three,
            one.clone(),
            Some(one.clone()),
            false,
            Numbered::NothingNew,
        );
        check(three, other, Some(one.clone()), false, number(4));
        check(three, withdrawn(), Some(one.clone()), false, number(4));
        let gone = before(4, true, false);
        check(
            gone,
            one.clone(),
            Some(withdrawn()),
            false,
            Numbered::Withdrawn,
        );
        check(gone, one.clone(), Some(withdrawn()), true, number(5));
        check(
            gone,
            withdrawn(),
            Some(withdrawn()),
            false,
            Numbered::NothingNew,
        );
        let erased = before(7, false, true);
        check(erased, one.clone(), None, false, Numbered::Erased);
        check(erased, one.clone(), None, true, number(8));
        check(
            before(u32::MAX, false, false),
            one,
            None,
            false,
            Numbered::NothingNew,
        );
    }

    #[test]
    fn the_newest_statement_is_read_only_where_it_decides() {
        let gone = SaidBefore {
            withdrawn: true,
            ..SaidBefore::default()
        };
        let unread = || Err::<Option<Statement>, _>("it was read");
        let now = Timestamp::EPOCH.plus(MADE);
        let found = gone.number(&asserted(50, None), false, now, unread);
        assert_eq!(found, Ok(Numbered::Withdrawn));
    }
}
