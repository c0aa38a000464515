//! What operators ask of a running node: who may, what the answer is, and how it is handed out.
//!
//! The room depends on the node by [`Node`](crate::runtime::Node), which it reads, and [`Door`], by which it
//! has things done. Nothing that the node decides depends on the room: it knows neither what was asked nor in
//! which words it is answered.

mod answer;
mod explain;
mod feeds;
mod found;
mod peers;
mod query;
mod receipts;
mod search;
mod status;
mod view;
mod warnings;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Done, Reply};
use crate::runtime::Door;

use self::search::Searches;

/// What is under way for operators.
#[derive(Debug)]
pub(crate) struct Operators {
    searches: Searches,
    /// Where answers are handed out, so that a slow operator holds up nobody.
    tokio: Handle,
}

impl Operators {
    pub(crate) fn new(tokio: Handle) -> Self {
        Self {
            searches: Searches::default(),
            tokio,
        }
    }

    /// Whether no search is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.searches.is_empty()
    }

    /// Goes on with one search for a little.
    pub(crate) fn go_on(&mut self, door: &mut Door<'_>) {
        if let Some(answer) = self.searches.go_on(&mut door.node()) {
            self.hand_out(answer.rows, answer.end, answer.replies);
        }
    }

    /// Gives an answer to the one who asked, as fast as it is read.
    fn hand_out(
        &self,
        mut rows: Vec<Reply>,
        end: Result<Done, Refused>,
        replies: mpsc::Sender<Reply>,
    ) {
        rows.push(match end {
            Ok(done) => Reply::Done(done),
            Err(refused) => {
                if let Refused::Store(error) = &refused {
                    tracing::error!(%error, "the store failed");
                }
                Reply::Error(refused.into())
            }
        });
        self.tokio.spawn(async move {
            for row in rows {
                if replies.send(row).await.is_err() {
                    return; // The operator has seen enough.
                }
            }
        });
    }
}

/// The end of an answer with so many rows.
fn counted(rows: &[Reply]) -> Done {
    Done {
        count: rows.len() as u64,
        ..Done::default()
    }
}

/// `1 minute`, `2 minutes`.
fn minutes(minutes: u64) -> String {
    match minutes {
        1 => "1 minute".to_owned(),
        _ => format!("{minutes} minutes"),
    }
}
