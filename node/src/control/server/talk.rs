//! What is said with one operator.

use std::io;
use std::pin::pin;
use std::time::Duration;

use rustix::net::RecvFlags;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::places::{Doing, Place};
use super::{Asked, Limits};
use crate::control::refused::Refused;
use crate::control::reply::Reply;
use crate::control::request::{Line, Request};
use crate::control::{MAX_LINE, VERSION};

/// Replies that wait for a slow operator before the node waits too.
const REPLIES: usize = 256;

/// A talk with one operator: requests and their answers, until one of the two ends it.
pub(super) async fn talk<E: From<Asked>>(
    stream: UnixStream,
    core: mpsc::Sender<E>,
    limits: Limits,
    place: Place,
) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (read, write) = stream.into_split();
    let mut talk = Talk {
        lines: BufReader::new(read),
        write,
        limits,
        place,
    };
    loop {
        talk.place.now(Doing::Asks(Instant::now()));
        let line = tokio::select! {
            biased;
            line = timeout(limits.asking, line(&mut talk.lines)) => line.ok(),
            () = talk.place.is_needed() => None,
        };
        let Some(line) = line else {
            return talk.let_go(limits.asking).await;
        };
        let line = line?;
        if line.is_empty() {
            return Ok(());
        }
        let request = match parse(&line) {
            Ok(request) => request,
            Err(refused) => {
                talk.give(&Reply::Error(refused.into())).await?;
                return talk.write.shutdown().await;
            }
        };
        // A node that stood still finds requests of commands that have given up since. Those said that they
        // failed, so what they asked is not done now.
        if talk.has_hung_up() {
            return Ok(());
        }
        talk.place.now(Doing::Waits);
        if !talk.answer(&core, request, uid).await? {
            return Ok(());
        }
    }
}

/// Tells a newcomer that there is no place, without waiting for it.
pub(super) async fn send_away(stream: UnixStream, limits: Limits) {
    let (_, mut write) = stream.into_split();
    let reply = Reply::Error(Refused::TooManyCommands(limits.places).into());
    drop(timeout(limits.to_ask, send(&mut write, &reply)).await);
}

struct Talk {
    lines: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    limits: Limits,
    place: Place,
}

impl Talk {
    /// Gets a request answered; false if the operator, or the node, is gone.
    async fn answer<E: From<Asked>>(
        &mut self,
        core: &mpsc::Sender<E>,
        request: Request,
        uid: u32,
    ) -> io::Result<bool> {
        let (replies, mut answer) = mpsc::channel(REPLIES);
        let asked = Asked {
            request,
            uid,
            replies,
        };
        let mut asking = pin!(core.send(E::from(asked)));
        let (mut is_asked, mut has_more, mut is_whole) = (false, false, false);
        let began = Instant::now();
        let every = self.limits.sign_of_life;
        let mut signs = interval_at(began + every, every);
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                reply = answer.recv() => match reply {
                    Some(reply) => {
                        is_whole = matches!(reply, Reply::Done(_) | Reply::Error(_));
                        self.give(&reply).await?;
                        signs.reset();
                    }
                    None if is_whole => return Ok(true),
                    None => break,
                },
                asked = &mut asking, if !is_asked => {
                    is_asked = true;
                    if asked.is_err() {
                        break;
                    }
                }
                // An operator who hangs up while a long search goes on ends the search with it. Whatever
                // else comes meanwhile is the next request, and waits.
                next = self.lines.fill_buf(), if !has_more => match next {
                    Ok([]) | Err(_) => return Ok(false),
                    Ok(_) => has_more = true,
                },
                _ = signs.tick() => {
                    let seconds = began.elapsed().as_secs();
                    self.give(&Reply::Working { seconds }).await?;
                }
            }
        }
        // Otherwise the operator would wait for what does not come.
        let reply = Reply::Error(Refused::Stopping.into());
        self.give(&reply).await?;
        self.write.shutdown().await?;
        Ok(false)
    }

    /// Writes a line, as long as the operator reads on.
    async fn give(&mut self, reply: &Reply) -> io::Result<()> {
        self.place.now(Doing::Reads(Instant::now()));
        let reading = self.limits.reading;
        tokio::select! {
            biased;
            sent = timeout(reading, send(&mut self.write, reply)) => {
                sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
            }
            () = self.place.is_needed() => return Err(io::ErrorKind::TimedOut.into()),
        }
        self.place.now(Doing::Waits);
        Ok(())
    }

    /// Whether the operator has gone already. The system is asked itself: the runtime may not have heard yet.
    fn has_hung_up(&self) -> bool {
        if !self.lines.buffer().is_empty() {
            return false;
        }
        let stream: &UnixStream = self.lines.get_ref().as_ref();
        let peek = rustix::net::recv(
            stream,
            &mut [0_u8; 1],
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        );
        match peek {
            Ok((_, length)) => length == 0,
            Err(error) => error != rustix::io::Errno::AGAIN,
        }
    }

    /// Ends the talk with an operator who asks nothing. It is told so: what it sends now was not read.
    async fn let_go(mut self, asking: Duration) -> io::Result<()> {
        let reply = Reply::Error(Refused::Idle(asking.as_secs_f32()).into());
        let told = timeout(self.limits.to_ask, send(&mut self.write, &reply));
        drop(told.await);
        self.write.shutdown().await
    }
}

/// The next line with its end, or what there is of one; empty when the operator has hung up.
async fn line(lines: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let limit = MAX_LINE as u64 + 1;
    lines.take(limit).read_until(b'\n', &mut line).await?;
    Ok(line)
}

fn parse(line: &[u8]) -> Result<Request, Refused> {
    if line.len() > MAX_LINE {
        return Err(Refused::TooLong);
    }
    let line: Line = serde_json::from_slice(line).map_err(Refused::NotUnderstood)?;
    if line.v != VERSION {
        return Err(Refused::Version(line.v));
    }
    Ok(line.request)
}

async fn send(write: &mut (impl AsyncWriteExt + Unpin), reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply).map_err(io::Error::other)?;
    line.push(b'\n');
    write.write_all(&line).await
}

#[cfg(test)]
mod tests;
