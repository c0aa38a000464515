//! What is so at this moment and needs a person, in words.

use std::collections::BTreeSet;

use kentong_protocol::MemberName;
use kentong_protocol::charter::{Charter, Papers, Says, UnverifiedCharter};
use kentong_protocol::member::reader::{NotTaken, OverQuota};
use kentong_protocol::quota::Bound;
use kentong_protocol::time::DAY;

use crate::control::reply;
use crate::runtime::{Node, Waiting};

use super::super::peers::what_it_did;

/// How many of the bodies that nobody gives are named.
const SHOWN_REFUSED: usize = 5;

impl Node<'_> {
    pub(super) fn present_warnings(&self) -> Vec<reply::Warning> {
        let now = self.wall().to_string();
        let present = |text: String| reply::Warning {
            text,
            since: now.clone(),
            last: now.clone(),
            times: 1,
        };
        let mut warnings = Vec::new();
        if self.charter().is_none() {
            let text = "no charter is installed: see `kentong charter install --help`";
            warnings.push(present(text.into()));
        }
        self.about_members(&present, &mut warnings);
        let over_quota_here = self.over_quota();
        let more = self.refused_bodies().into_iter();
        let more = more.chain(self.waiting().map(waiting).unwrap_or_default());
        let more = more.chain(over_quota_here.iter().filter_map(over_quota));
        let more = more.chain(self.governance()).chain(self.two_histories());
        warnings.extend(more.map(present));
        warnings
    }

    /// The rules that members broke in the last day, and what they withhold.
    fn about_members(
        &self,
        present: &impl Fn(String) -> reply::Warning,
        warnings: &mut Vec<reply::Warning>,
    ) {
        let now = self.wall();
        for (member, regard) in self.regards() {
            let today = |last| now.since(last).is_none_or(|ago| ago < DAY);
            let broken = regard.broken.iter().filter(|broken| today(broken.last));
            let mut broken: Vec<_> = broken
                .map(|broken| (what_it_did(broken.rule), broken))
                .collect();
            broken.sort_by(|(one, _), (other, _)| one.cmp(other));
            warnings.extend(broken.into_iter().map(|(did, broken)| reply::Warning {
                text: match broken.times {
                    1 => format!("{member} {did}"),
                    times => format!("{member} {did} ({times} times)"),
                },
                since: broken.last.to_string(),
                last: broken.last.to_string(),
                times: 1,
            }));
            let missing = self.wanted_of(member);
            if regard.withheld > 0 && missing > 0 {
                warnings.push(present(format!(
                    "{member} withholds what it published: {missing} bodies are missing"
                )));
            }
        }
    }

    fn refused_bodies(&self) -> Vec<String> {
        let refused = self.refused();
        let refused = refused.filter(|(feed, index, _)| self.store().lacks(feed, *index));
        let say = |(feed, index, by): (_, u64, &BTreeSet<MemberName>)| {
            format!(
                "body {index} of feed {feed} is not given by {}; it is asked for again, and of others",
                names(by.iter())
            )
        };
        refused.take(SHOWN_REFUSED).map(say).collect()
    }

    /// What waits for this member's root key, or shows that members do not use one charter.
    fn governance(&self) -> Vec<String> {
        let Some(papers) = self.papers() else {
            return Vec::new();
        };
        let votes = papers.ballots().iter().filter_map(|vote| {
            let by = waits_for(papers, vote, self.me())?;
            let (version, round) = (vote.terms().version(), vote.terms().round());
            Some(format!(
                "version {version} of the charter, round {round}, waits for votes, and {} signed it: \
                 see `kentong charter votes`",
                names(by.iter())
            ))
        });
        let unsettled = self.unsettled().map(|why| {
            format!(
                "the file of a new member cannot be put with the others yet, and that is tried again: {why}"
            )
        });
        let now = self.wall();
        let notices = papers.open_notices().iter().filter_map(|notice| {
            let (signed, open) = notice.signers(papers.chain()).ok()?;
            let terms = notice.terms();
            match terms.says {
                Says::Suspended { until } if until > now && open.contains(self.me()) => {
                    Some(format!(
                        "{} would suspend {}, which takes more signatures: see `kentong charter \
                         votes`",
                        names(signed.iter()),
                        terms.member
                    ))
                }
                Says::Suspended { .. } | Says::Leaves => None,
            }
        });
        let (version, hash) = papers.in_force();
        let other = self.regards().filter_map(|(member, regard)| {
            let (theirs, their_hash) = regard.charter?;
            (theirs == version && their_hash != hash).then(|| {
                format!(
                    "{member} goes by another charter of version {version}: compare `kentong \
                     charter history` with theirs, by voice"
                )
            })
        });
        let all = unsettled.into_iter().chain(votes).chain(notices);
        all.chain(other).collect()
    }

    fn two_histories(&self) -> Vec<String> {
        let say = |evidence: &kentong_protocol::sync::Evidence| {
            format!(
                "{} signed two histories of feed {}: no more is taken of it; the evidence is in {}",
                evidence.publisher,
                evidence.feed,
                self.evidence_folder().display()
            )
        };
        self.forked().map(say).collect()
    }
}

/// What waits for the quota: how many indicators, until when, and what can be done.
fn waiting(waiting: Waiting) -> Vec<String> {
    let Waiting {
        quota,
        for_time,
        for_room,
        next,
    } = waiting;
    let mut lines = Vec::new();
    if for_time > 0 {
        let next = match next {
            Some(at) => format!("the next go at {at}"),
            None => "the next go now".to_owned(),
        };
        lines.push(format!(
            "{for_time} own indicators wait to be released, since the charter's quota is {} \
             statements a day to each reader: {next}, by themselves; withdrawals and corrections do \
             not wait",
            quota.statements_per_day
        ));
    }
    if for_room > 0 {
        lines.push(format!(
            "{for_room} own indicators wait to be released, since the charter's quota is {} bytes \
             kept by each reader: they go by themselves once a new version allows more, see \
             --stored-bytes in `kentong charter draft --help`; withdrawals and corrections do not \
             wait",
            quota.stored_bytes
        ));
    }
    lines
}

/// What is not taken of a publisher, and until when.
fn over_quota(over: &OverQuota) -> Option<String> {
    let OverQuota {
        publisher,
        quota,
        takes_leaves,
        not_taken,
        eases,
    } = over;
    let leaves = if *takes_leaves {
        ""
    } else {
        ", nor are leaves any more"
    };
    let Some(NotTaken {
        bound,
        bodies,
        statements,
    }) = not_taken
    else {
        return (!takes_leaves).then(|| {
            format!(
                "{publisher} is over the charter's quota of {} bytes kept of a publisher: no leaves of \
                 it are taken any more; ask its operators",
                quota.stored_bytes
            )
        });
    };
    Some(match bound {
        Bound::Bytes => format!(
            "{publisher} is over the charter's quota of {} bytes kept of a publisher: {bodies} bodies \
             with {statements} statements are not taken{leaves}, but for such as take back something; \
             ask its operators, or allow more by a new version of the charter",
            quota.stored_bytes
        ),
        Bound::Day => format!(
            "{publisher} is over the charter's quota of {} statements a day, twice of which came within \
             one: {bodies} bodies with {statements} statements are not taken yet, but for such as take \
             back something; the next are from {eases} on",
            quota.statements_per_day
        ),
    })
}

/// Who signed a version that may follow and that `me` has not signed.
fn waits_for(
    papers: &Papers,
    vote: &UnverifiedCharter,
    me: &MemberName,
) -> Option<BTreeSet<MemberName>> {
    let in_force: &Charter = papers.chain().in_force();
    let terms = vote.terms();
    let later = terms.version() > in_force.version() || terms.round() > in_force.terms().round();
    let signers = vote.signers();
    let open = later && !signers.contains(me) && terms.member(me).is_some();
    let tally = papers.chain().tally(vote).ok()?;
    (open && tally.unmet().is_some()).then_some(signers)
}

fn names<'a>(names: impl Iterator<Item = &'a MemberName>) -> String {
    names.map(MemberName::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use kentong_protocol::charter::Quota;
    use kentong_protocol::time::Timestamp;

    use super::*;

    const QUOTA: Quota = Quota {
        statements_per_day: 9,
        stored_bytes: 1_000_000,
    };

    #[test]
    fn what_waits_for_the_quota_is_said() {
        let lines = |for_time, for_room, next| {
            waiting(Waiting {
                quota: QUOTA,
                for_time,
                for_room,
                next,
            })
        };
        assert!(lines(0, 0, None).is_empty());
        let both = lines(2, 3, Some(Timestamp::EPOCH));
        assert!(both[0].starts_with("2 own indicators wait"), "{both:?}");
        assert!(both[0].contains("9 statements a day"), "{both:?}");
        assert!(both[0].contains("at 1970-01-01"), "{both:?}");
        assert!(both[1].starts_with("3 own indicators wait"), "{both:?}");
        assert!(both[1].contains("1000000 bytes"), "{both:?}");
        assert!(lines(1, 0, None)[0].contains("the next go now"));
    }

    #[test]
    fn what_is_not_taken_is_said() {
        let said = |bound: Option<Bound>, takes_leaves| {
            over_quota(&OverQuota {
                publisher: "SG".parse().unwrap(),
                quota: QUOTA,
                takes_leaves,
                not_taken: bound.map(|bound| NotTaken {
                    bound,
                    bodies: 4,
                    statements: 5,
                }),
                eases: Timestamp::EPOCH,
            })
        };
        let check = |bound, takes_leaves, says: &str| {
            let text = said(bound, takes_leaves).unwrap();
            assert!(text.contains(says), "{text}");
        };
        assert_eq!(said(None, true), None);
        check(None, false, "no leaves of it are taken any more");
        check(Some(Bound::Day), true, "from 1970-01-01");
        let bytes = "4 bodies with 5 statements are not taken, but";
        check(Some(Bound::Bytes), true, bytes);
        let leaves = "are not taken, nor are leaves any more, but";
        check(Some(Bound::Bytes), false, leaves);
    }
}
