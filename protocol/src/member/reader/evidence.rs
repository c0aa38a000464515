//! What shows that a member signed two histories of a feed.

use crate::member::{Ground, World};
use crate::sync::Evidence;

use super::{Output, Reader};

/// The most feeds with two histories whose evidence is at hand to be passed on.
pub(super) const MAX_FORKED: usize = 1024;

impl Reader {
    /// Has evidence kept. If it shows by itself that a feed has two histories, no more is taken of that
    /// feed, and its other readers are told.
    pub fn evidence<W: World>(
        &mut self,
        ground: &Ground<'_, W>,
        evidence: Evidence,
    ) -> Vec<Output> {
        let mut outputs = vec![Output::KeepEvidence(evidence.clone())];
        let charter = ground.members.charter();
        let warrant = ground.members.credentials(&evidence.publisher);
        let (Some(charter), Some((warrant, _))) = (charter, warrant) else {
            return outputs;
        };
        let (feed, forked) = (evidence.feed, &mut self.relay.forked);
        let known = forked.contains_key(&feed) || forked.len() >= MAX_FORKED;
        if known || !evidence.is_conclusive(charter.federation().as_str(), warrant.signing()) {
            return outputs;
        }
        forked.insert(feed, evidence.clone());
        if evidence.publisher == *ground.keys.me {
            let why = format!("there is proof that two histories of our feed {feed} were signed");
            outputs.push(Output::Stop(why));
        }
        outputs.push(Output::PassOn(evidence));
        outputs
    }
}
