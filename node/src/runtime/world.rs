//! What the member's node decides is done here, in the world, and what a person may want to know is told.

use kentong_protocol::MemberName;
use kentong_protocol::member::history::{About, Warning as Past};
use kentong_protocol::member::reader::Found;
use kentong_protocol::member::{Output, Told};
use kentong_protocol::sync::{Ended, News};
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Failure, Reply};
use crate::net::LinkId;
use crate::recovery_file;

use super::Ticket;
use super::core::Core;
use super::regard::{NoLink, Rule};
use super::warnings::{Subject, Warning};

impl Core {
    /// Does what the member's node asks for.
    pub(super) fn carry_out(&mut self, output: Output<LinkId, Ticket>) {
        match output {
            Output::Send(link, message) => self.send(link, &message),
            Output::Close(link) => self.net.close(link),
            Output::Admit => self.admit(),
            Output::KeepCards => self.keep_cards(),
            Output::KeepPaper(from, paper) => self.take_paper(&from, paper),
            Output::KeepEvidence(evidence) => self.evidence(&evidence),
            Output::Mark => {
                if let Err(error) = recovery_file::begin(&self.home) {
                    tracing::error!(%error, "it could not be noted that lost history is to come back");
                }
            }
            Output::Unmark => {
                if let Err(error) = recovery_file::end(&self.home) {
                    tracing::error!(%error, "the next start looks for lost history again");
                }
            }
            Output::Said((replies, done)) => reply(&replies, Reply::Done(done)),
            Output::NotSaid {
                to: (replies, _),
                why,
                is_open,
            } => {
                let failure = Failure::from(Refused::NotStored {
                    why,
                    unfinished: is_open,
                });
                reply(&replies, Reply::Error(failure));
            }
            Output::Told(told) => self.tell(told),
        }
    }

    fn tell(&mut self, told: Told) {
        match told {
            Told::Closed(feed) => tracing::info!(
                ?feed,
                "closed a feed that somebody read who is no longer a member"
            ),
            Told::NotReleased(error) => {
                tracing::error!(%error, "own indicators could not be released; it is tried again");
                self.warn(Warning::NotReleased { error });
            }
            Told::AllChecked => self.warnings.settle(&Subject::Release),
            Told::Stopped(why) => {
                tracing::error!(%why, "publishing is halted until the node is restarted");
                self.warn(Warning::Halted { why });
            }
            Told::Loaded { statements, failed } => {
                tracing::info!(statements, failed, "what came back is loaded");
            }
            Told::PrivateLost { feed, signed } => self.warn(Warning::PrivateLost { feed, signed }),
            Told::History(warning) => self.tell_of_history(&warning),
            Told::Over(About::Unconfirmed) => self.warnings.settle(&Subject::Unconfirmed),
            Told::Over(About::Lost(feed)) => {
                tracing::info!(?feed, "lost history is back");
                self.warnings.settle(&Subject::Lost(feed));
            }
            Told::GoesOn { by, heard, gone } => {
                tracing::info!(?by, heard, "publishing goes on");
                if gone > 0 {
                    self.warn(Warning::PartsGone { feeds: gone });
                }
            }
            Told::NoticeCounts => tracing::info!("a suspension or a leave began or ended"),
            Told::NotInForce(member) => {
                tracing::info!(peer = %member, "no longer a member in force");
                self.no_link(member, NoLink::NotInForce);
            }
            Told::Ended(member, Ended::ByPeer(bye)) => self.no_link(member, NoLink::Goodbye(bye)),
            Told::Ended(_, Ended::ByFault | Ended::ByUs(_)) => {}
            Told::Answers(member) => {
                tracing::info!(peer = %member, "has said what it holds of our feeds");
            }
            Told::Learnt(member, news) => self.tell_of_member(member, news),
            Told::Broke {
                member,
                fault,
                minutes: cut_off,
            } => {
                // The network learns of it when the link has ended, or it would cut the connection before
                // the goodbye is written.
                tracing::warn!(peer = %member, %fault, "a member broke a rule of the protocol");
                self.blame(&member, Rule::Session(fault));
                self.no_link(member, NoLink::BrokeRule { fault, cut_off });
            }
            Told::BadCredentials(member, error) => {
                tracing::warn!(peer = %member, %error, "a warrant or card was refused");
                self.blame(&member, Rule::Credentials);
            }
            Told::NewCard { from, member } => {
                tracing::info!(peer = %from, %member, "a newer card");
            }
            Told::Former(member, former) => {
                self.standing.remove(&member); // Rules that were broken under keys that have gone.
                self.tell_former(&member, &former);
            }
            Told::Void(feed, from) => {
                tracing::warn!(?feed, from, "what a former key signed is removed");
            }
            Told::Hindered(member, error) => {
                tracing::error!(%error, "a peer's data could not be stored or read");
                let error = error.to_string();
                self.warn(Warning::Exchange { member, error });
            }
            Told::Whole(member) => self.warnings.settle(&Subject::Exchange(member)),
            Told::Received(found) => self.tell_of_found(found),
            Told::ReceiptsNotStored(error) => {
                tracing::error!(%error, "receipts could not be stored");
            }
        }
    }

    /// What is not as it should be of what members sent.
    fn tell_of_found(&mut self, found: Found) {
        match found {
            Found::BadBody {
                publisher,
                feed,
                index,
                error,
            } => {
                tracing::warn!(peer = %publisher, ?feed, index, %error, "a body is not what it should be");
                self.blame(&publisher, Rule::Body(error));
            }
            Found::Refused {
                publisher,
                feed,
                index,
                statements,
            } => {
                tracing::warn!(peer = %publisher, ?feed, index, refused = statements, "statements were refused");
            }
            Found::Dropped { feed, index } => {
                tracing::debug!(?feed, index, "a body beyond the quota is not kept");
            }
            Found::NoKey { feed, epoch, error } => {
                tracing::warn!(?feed, epoch, %error, "a key cannot be used: it is asked for again");
            }
            Found::NotOpened(error) => {
                tracing::error!(%error, "bodies that wait for their key could not be decrypted");
                let error = error.to_string();
                self.warn(Warning::NotOpened { error });
            }
        }
    }

    fn tell_of_history(&mut self, warning: &Past) {
        let warning = match *warning {
            Past::Lost { feed, signed, held } => {
                tracing::warn!(
                    ?feed,
                    signed,
                    held,
                    "signed leaves of our feed are lost here"
                );
                Warning::Lost { feed, signed, held }
            }
            Past::Unconfirmed => Warning::Unconfirmed,
            Past::ByRootKey { heard } => Warning::GoneAhead { heard },
        };
        self.warn(warning);
    }

    /// What the session with a member found out, as far as a person asks for it.
    fn tell_of_member(&mut self, member: MemberName, news: News) {
        match news {
            News::Opened | News::Heard(_) => {
                let wall = self.wall();
                self.standing.entry(member).or_default().heard = Some(wall);
            }
            News::GoesBy { version, hash } => {
                self.standing.entry(member).or_default().goes_by = Some((version, hash));
            }
            News::Cosigned {
                feed, size, time, ..
            } => tracing::debug!(peer = %member, ?feed, size, %time, "cosigned"),
            News::Withheld { feed, index } => {
                let withheld = &mut self.standing.entry(member.clone()).or_default().withheld;
                *withheld += 1;
                if withheld.is_power_of_two() {
                    let so_far = *withheld;
                    tracing::warn!(peer = %member, ?feed, index, so_far, "a body is withheld");
                }
            }
            News::OtherLeaves(feed) => {
                tracing::warn!(peer = %member, ?feed, "leaves that do not go with ours: others are asked");
            }
            News::Behind { feed, size, .. } => {
                tracing::warn!(peer = %member, ?feed, size, "a reader shows more of a feed of ours");
            }
            News::ClockAhead(seconds) => {
                tracing::warn!(peer = %member, seconds, "a member's clock is ahead of ours");
            }
            News::Compared
            | News::Shows { .. }
            | News::Receipt { .. }
            | News::Forked { .. }
            | News::Evidence(_)
            | News::Fault(_) => {}
        }
    }

    fn blame(&mut self, member: &MemberName, rule: Rule) {
        let wall = self.wall();
        let standing = self.standing.entry(member.clone()).or_default();
        standing.blame(rule, wall);
    }

    fn no_link(&mut self, member: MemberName, why: NoLink) {
        self.standing.entry(member).or_default().why = Some(why);
    }
}

/// Gives a reply to the one who still waits for it.
fn reply(replies: &mpsc::Sender<Reply>, reply: Reply) {
    // An operator who went away, or reads nothing, does not stop the node.
    drop(replies.try_send(reply));
}
