//! Policies in force: the ceiling, the cache, and the questions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::party::Asker;
use super::question::evaluate;
use super::{Ceiling, Class, LocalAction, Operator, Party, PolicySet, Reason, Verdict, tlp};

/// The most verdicts that are remembered; beyond, all are forgotten and found again. A member that
/// tags every indicator differently, under a policy that reads tags, costs time and no memory.
pub const MOST_VERDICTS: usize = 1 << 16;

/// Policies in force, with the verdicts that they have already given.
///
/// A new [`PolicySet`] needs a new engine: while that one does not parse, the old one stays.
#[derive(Debug)]
pub struct Engine {
    policies: PolicySet,
    red_readers: BTreeSet<u32>,
    cache: Cache,
}

impl Engine {
    /// Puts policies in force. `red_readers` are the accounts to whom RED may be shown.
    #[must_use]
    pub fn new(policies: PolicySet, red_readers: BTreeSet<u32>) -> Self {
        Self {
            policies,
            red_readers,
            cache: Cache::default(),
        }
    }

    /// The policies in force.
    #[must_use]
    pub const fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// May `to` have an indicator of this class that `publisher`, ourselves, publishes?
    pub fn share(&mut self, class: &Class, publisher: &Party, to: &Party) -> Arc<Verdict> {
        let asker = Asker::Share {
            publisher: publisher.clone(),
            to: to.clone(),
        };
        match tlp::may_leave(class, to) {
            Ok(()) => self.cached(asker, Some(class)),
            Err(ceiling) => too_high(&asker, ceiling),
        }
    }

    /// Does an indicator of this class that `from` publishes count in our operators' answers?
    pub fn accept(&mut self, class: &Class, from: &Party) -> Arc<Verdict> {
        self.cached(Asker::Accept { from: from.clone() }, Some(class))
    }

    /// May this local user do this, with an indicator of this publisher and class or, without one,
    /// at all?
    ///
    /// Asking without one first saves work that would be denied; it does not replace asking for
    /// each indicator.
    pub fn local(
        &mut self,
        action: LocalAction,
        operator: &Operator,
        subject: Option<(&Party, &Class)>,
    ) -> Arc<Verdict> {
        // The node is administered as a whole.
        let subject = subject.filter(|_| action != LocalAction::Administer);
        let asker = Asker::Local {
            action,
            operator: operator.clone(),
            publisher: subject.map(|(publisher, _)| publisher.clone()),
        };
        if let (LocalAction::Query(purpose), Some((_, class))) = (action, subject)
            && let Err(ceiling) = tlp::may_read(class.tlp, purpose, operator, &self.red_readers)
        {
            return too_high(&asker, ceiling);
        }
        self.cached(asker, subject.map(|(_, class)| class))
    }

    /// How many verdicts are remembered.
    #[must_use]
    pub const fn cache_len(&self) -> usize {
        self.cache.len
    }

    /// How often the policies were really asked.
    #[must_use]
    pub const fn evaluations(&self) -> u64 {
        self.cache.evaluations
    }

    fn cached(&mut self, asker: Asker, class: Option<&Class>) -> Arc<Verdict> {
        let seen = self.policies.seen;
        let key = class.map(|class| Key {
            class: class.as_seen(seen),
            named: match &asker {
                // Always told apart: `context == {named: true}` reads it without naming an attribute.
                Asker::Share { to, .. } => class.names(to),
                Asker::Accept { .. } | Asker::Local { .. } => false,
            },
        });
        self.cache
            .get(asker, key, |asker| evaluate(&self.policies, asker, class))
    }
}

fn too_high(asker: &Asker, ceiling: Ceiling) -> Arc<Verdict> {
    Arc::new(Verdict::Deny {
        asked: asker.asked(),
        reason: Reason::Ceiling(ceiling),
    })
}

/// What the policies can tell apart in an indicator, for one who asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    class: Class,
    named: bool,
}

/// The verdicts already given.
#[derive(Debug, Default)]
struct Cache {
    verdicts: BTreeMap<Asker, BTreeMap<Option<Key>, Arc<Verdict>>>,
    len: usize,
    evaluations: u64,
}

impl Cache {
    fn get(
        &mut self,
        asker: Asker,
        key: Option<Key>,
        evaluate: impl FnOnce(&Asker) -> Verdict,
    ) -> Arc<Verdict> {
        if let Some(known) = self.verdicts.get(&asker).and_then(|known| known.get(&key)) {
            return known.clone();
        }
        let verdict = Arc::new(evaluate(&asker));
        self.evaluations += 1;
        if self.len == MOST_VERDICTS {
            self.verdicts.clear();
            self.len = 0;
        }
        self.verdicts
            .entry(asker)
            .or_default()
            .insert(key, verdict.clone());
        self.len += 1;
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::QuestionKind;

    #[test]
    fn a_full_cache_forgets_and_goes_on() {
        let mut cache = Cache::default();
        let ask = |cache: &mut Cache, uid: u32| {
            let asker = Asker::Local {
                action: LocalAction::Publish,
                operator: Operator {
                    uid,
                    name: None,
                    groups: BTreeSet::new(),
                    runs_node: false,
                },
                publisher: None,
            };
            cache.get(asker, None, |_| Verdict::Deny {
                asked: QuestionKind::Local(LocalAction::Publish),
                reason: Reason::NoPermit,
            });
        };
        let state = |cache: &Cache| {
            let kept: usize = cache.verdicts.values().map(BTreeMap::len).sum();
            (kept, cache.len, cache.evaluations)
        };
        let most = u32::try_from(MOST_VERDICTS).unwrap();
        for uid in 0..most {
            ask(&mut cache, uid);
        }
        ask(&mut cache, 0);
        assert_eq!(
            state(&cache),
            (MOST_VERDICTS, MOST_VERDICTS, u64::from(most))
        );
        ask(&mut cache, most);
        assert_eq!(state(&cache), (1, 1, u64::from(most) + 1));
    }
}
