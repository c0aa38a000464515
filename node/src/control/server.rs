//! Listening for operators.

mod places;
mod talk;

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::mpsc;

use self::places::Places;

use super::reply::Reply;
use super::request::Request;

/// How long nobody is let in after that failed: out of descriptors, it fails at once each time.
const BACK_OFF: Duration = Duration::from_secs(1);

/// How many operators are served at a time, and how long each is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most operators at a time.
    pub places: usize,
    /// How long an operator may take to ask: from when it may begin until its whole line is there. An
    /// operator that says nothing for so long is let go.
    pub asking: Duration,
    /// How long an operator may read nothing of an answer before it is let go: as long as somebody looks
    /// at a page of it.
    pub reading: Duration,
    /// How long an operator keeps its place all the same when others need one: to ask, after it came in or
    /// was answered.
    pub to_ask: Duration,
    /// The same, to read on.
    pub to_read: Duration,
    /// How long a newcomer waits while everybody else is being answered, before it is told to come again.
    pub newcomer: Duration,
    /// How often an operator who waits for an answer hears that the node is at it.
    pub sign_of_life: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            places: 64,
            asking: Duration::from_secs(10),
            reading: Duration::from_secs(600),
            to_ask: Duration::from_millis(200),
            to_read: Duration::from_secs(10),
            newcomer: Duration::from_secs(5),
            sign_of_life: Duration::from_secs(2),
        }
    }
}

/// A request, who makes it, and where the answer goes. The answer ends with
/// [`Reply::Done`] or [`Reply::Error`].
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// The user id of the process that asks, as the kernel says.
    pub uid: u32,
    /// Takes the answer, line by line.
    pub replies: mpsc::Sender<Reply>,
}

/// Binds the socket, readable and writable for its owner alone. A socket that a dead process left
/// is replaced; the caller holds the home's lock.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // The home is 0700, so nobody else can reach the socket before its mode is set.
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves operators until the core is gone.
pub async fn serve<E>(listener: UnixListener, core: mpsc::Sender<E>, limits: Limits)
where
    E: From<Asked> + Send + 'static,
{
    let mut places = Places::new(limits);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = core.closed() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "an operator could not be let in; raise `ulimit -n`?");
                tokio::select! {
                    () = tokio::time::sleep(BACK_OFF) => continue,
                    () = core.closed() => return,
                }
            }
        };
        let has_room = tokio::select! {
            has_room = places.make_room() => has_room,
            () = core.closed() => return,
        };
        if has_room {
            places.give(|place| talk::talk(stream, core.clone(), limits, place));
        } else {
            tracing::warn!("an operator was sent away: all that may come in are being answered");
            talk::send_away(stream, limits).await;
        }
    }
}

#[cfg(test)]
mod tests;
