//! What the peer says under its signature: that it lives, and what it holds.

use crate::wire::{Alive, Claim, Holds, SignedClaim};

use super::exchange::News;
use super::fault::Fault;
use super::ledger::Ledger;
use super::limits::Now;
use super::session::Session;

impl Session {
    pub(super) fn claim(
        &mut self,
        signed: SignedClaim,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        self.charge(1, now)?;
        let claim = signed.verify(&self.peer.signing);
        match claim.map_err(|_| Fault::Claim)? {
            Claim::Alive(alive) => {
                self.alive(alive, now, ledger);
                Ok(())
            }
            Claim::Holds(holds) => self.holds(holds, signed, ledger),
        }
    }

    fn alive(&mut self, alive: Alive, now: Now, ledger: &impl Ledger) {
        let ahead = alive.time.since(now.wall).unwrap_or(0);
        if ahead > self.local.limits.clock_slack.as_secs() {
            self.learn(News::ClockAhead(ahead));
        }
        // A short claim must not lead to a long answer as often as the peer likes.
        if now.moment >= self.heads_from && alive.heads != self.shared_heads(ledger) {
            self.heads_from = now.after(self.local.limits.heads_every);
            self.send_heads(ledger);
        }
        self.learn(News::Heard(alive));
    }

    fn holds(
        &mut self,
        holds: Holds,
        signed: SignedClaim,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let Some(view) = ledger.feed(&holds.feed) else {
            return Ok(()); // It may be a feed that we have lost; a receipt for it tells nothing.
        };
        if view.genesis.publisher != self.local.me || !self.may_serve(&view) {
            return Err(Fault::Receipt);
        }
        match view.tree.root_at(holds.size) {
            // Nor does one for more than we have. The checkpoint in its `Heads` shows what we lost.
            None => return Ok(()),
            Some(_) if self.forked.contains(&holds.feed) => return Ok(()),
            Some(root) if root != holds.root => return Err(Fault::Receipt),
            Some(_) => {}
        }
        // Said again it is no news, and need not be stored again.
        let said = (holds.size, holds.missing, holds.unopened, holds.erased);
        if self.acknowledged.insert(holds.feed, said) != Some(said) {
            self.learn(News::Receipt { holds, signed });
        }
        Ok(())
    }
}
