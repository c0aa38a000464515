//! The start, as a real node's: what was left half done is finished or dropped.

use std::rc::Rc;

use super::{Crashed, Ground, Member, Own, Point, Record, Sabotage};

impl<G: Ground> Member<G> {
    /// Brings log and signer state together, and looks for what is still to be released.
    pub(in crate::sim) fn recover(&mut self) -> Result<(), Crashed> {
        let me = self.me().clone();
        self.look_who_belongs();
        if self.home.ground.signer().unknown {
            return self.begin_restored();
        }
        let (mut group, mut again) = (Vec::new(), Vec::new());
        let mut torn = None;
        for (feed, held) in self.feeds.of(&me) {
            if self.is_ended(feed) {
                continue;
            }
            if self.is(Sabotage::ForgetSignerState) {
                let published = held.checkpoint.as_ref().map_or(0, |(size, _)| *size);
                group.push(Record::Truncate(*feed, published));
                continue;
            }
            let Some((size, root)) = self.home.ground.signer().signed.get(feed).copied() else {
                if !self.is(Sabotage::SignBeforeDurable) {
                    group.push(Record::Truncate(*feed, 0));
                }
                continue;
            };
            if held.tree.root_at(size) != Some(root) {
                torn = Some(format!("feed {feed} does not lead to what was signed"));
                break;
            }
            if held.tree.size() > size {
                group.push(Record::Truncate(*feed, size));
            }
            if held.checkpoint.as_ref().is_none_or(|(at, _)| *at < size) {
                again.push((*feed, size, root));
            }
        }
        let lost = self
            .home
            .ground
            .signer()
            .signed
            .keys()
            .find(|feed| self.feeds.get(feed).is_none());
        let lost = lost.filter(|_| !self.is(Sabotage::ForgetSignerState));
        let lost = lost.map(|feed| format!("feed {feed} was signed and is gone"));
        if let Some(why) = torn.or(lost) {
            self.halt(why);
            return Ok(());
        }
        if !group.is_empty() {
            self.commit(group);
            self.home.ground.sync();
        }
        self.point(Point::Dropped)?;
        if !again.is_empty() {
            let group = again.into_iter().map(|(feed, size, root)| {
                let note = self.checkpoint(feed, size, root);
                Record::Checkpoint(feed, size, Rc::new(note))
            });
            let group = group.collect();
            self.commit(group);
            self.home.ground.sync();
        }
        // What a crash kept from being overwritten.
        let all: Vec<_> = self.feeds.iter().map(|(id, _)| *id).collect();
        self.overwrite(&all);
        self.own = Own::of(&self.feeds, &me);
        self.open_feeds();
        self.look_what_lacks();
        if self.home.ground.signer().taking_in {
            self.take_in_all()?;
        }
        self.cosign_all();
        if !self.is(Sabotage::NoSweepAtStart) {
            self.sweep_all();
        }
        Ok(())
    }

    /// The own feeds in which publishing goes on.
    pub(super) fn open_feeds(&mut self) {
        let own = self.feeds.of(self.me());
        let open = own
            .filter(|(id, held)| held.tree.size() > 0 && !held.is_closed() && !self.is_ended(id));
        let open = open.map(|(id, held)| (held.genesis.audience.clone(), *id));
        self.by_audience = open.collect();
    }
}
