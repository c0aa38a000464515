//! Listening for operators.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};

use super::reply::{Failure, Reply};
use super::request::{Line, Request};
use super::{MAX_LINE, VERSION};

/// The most operators at a time.
const MAX_CLIENTS: usize = 64;
/// How long an operator may ask nothing, or read nothing of an answer, before the connection is
/// closed: as long as somebody looks at a page of it.
const IDLE: Duration = Duration::from_secs(600);
/// How long nobody is let in after that failed: out of descriptors, it fails at once each time.
const BACK_OFF: Duration = Duration::from_secs(1);
/// Replies that wait for a slow operator before the node waits too.
const REPLIES: usize = 256;

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

/// Takes in operators until the core is gone.
pub async fn serve<E>(listener: UnixListener, core: mpsc::Sender<E>)
where
    E: From<Asked> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "an operator could not be let in; raise `ulimit -n`?");
                    tokio::select! {
                        () = tokio::time::sleep(BACK_OFF) => continue,
                        () = core.closed() => return,
                    }
                }
            },
            () = core.closed() => return,
        };
        let core = core.clone();
        tokio::spawn(async move {
            if let Err(error) = client(stream, core, IDLE).await {
                tracing::debug!(%error, "an operator went away");
            }
            drop(place);
        });
    }
}

async fn client<E: From<Asked>>(
    stream: UnixStream,
    core: mpsc::Sender<E>,
    idle: Duration,
) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let limit = MAX_LINE as u64 + 1;
        let read = (&mut lines).take(limit);
        let read = timed(idle, async {
            pin!(read).read_until(b'\n', &mut line).await
        });
        if read.await? == 0 {
            return Ok(());
        }
        let request = match parse(&line) {
            Ok(request) => request,
            Err(failure) => {
                timed(idle, send(&mut write, &Reply::Error(failure))).await?;
                return write.shutdown().await;
            }
        };
        let (replies, mut answer) = mpsc::channel(REPLIES);
        if core
            .send(E::from(Asked {
                request,
                uid,
                replies,
            }))
            .await
            .is_err()
        {
            return Ok(());
        }
        // An operator who hangs up while a long search goes on ends the search with it. Whatever else
        // comes meanwhile is the next request, and waits.
        let mut waits = false;
        loop {
            tokio::select! {
                biased;
                reply = answer.recv() => match reply {
                    Some(reply) => timed(idle, send(&mut write, &reply)).await?,
                    None => break,
                },
                next = lines.fill_buf(), if !waits => match next {
                    Ok([]) | Err(_) => return Ok(()),
                    Ok(_) => waits = true,
                },
            }
        }
    }
}

fn parse(line: &[u8]) -> Result<Request, Failure> {
    let invalid = |message: String| Failure {
        code: "invalid".into(),
        message,
        next: "use the kentong command of the same release as the node".into(),
    };
    if line.len() > MAX_LINE {
        return Err(invalid(format!(
            "the request is longer than {MAX_LINE} bytes"
        )));
    }
    let line: Line = serde_json::from_slice(line)
        .map_err(|error| invalid(format!("the node does not understand the request: {error}")))?;
    if line.v != VERSION {
        let theirs = line.v;
        return Err(invalid(format!(
            "the request has version {theirs}, the node {VERSION}"
        )));
    }
    Ok(line.request)
}

async fn send(write: &mut (impl AsyncWriteExt + Unpin), reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply).map_err(io::Error::other)?;
    line.push(b'\n');
    write.write_all(&line).await
}

async fn timed<T>(most: Duration, what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(most, what)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use crate::control::reply::Done;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn who_asks_nothing_is_let_go() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let (core, _asked) = mpsc::channel::<Asked>(1);
        let end = client(ours, core, SOON).await.unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_hangs_up_waits_for_nothing() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (core, mut asked) = mpsc::channel::<Asked>(1);
        let request = b"{\"v\":1,\"request\":\"peers\"}\n";
        theirs.write_all(request).await.unwrap();
        let talk = tokio::spawn(client(ours, core, IDLE));
        let replies = asked.recv().await.unwrap().replies;
        theirs.write_all(request).await.unwrap();
        replies.send(Reply::Done(Done::default())).await.unwrap();
        drop(replies);
        let replies = asked.recv().await.unwrap().replies;
        drop(theirs);
        talk.await.unwrap().unwrap();
        assert!(replies.is_closed(), "so a search knows that it may end");
    }

    #[tokio::test]
    async fn who_reads_nothing_is_let_go() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (core, mut asked) = mpsc::channel::<Asked>(1);
        theirs
            .write_all(b"{\"v\":1,\"request\":\"peers\"}\n")
            .await
            .unwrap();
        let talk = tokio::spawn(client(ours, core, SOON));
        let replies = asked.recv().await.unwrap().replies;
        let notes = vec!["x".repeat(MAX_LINE)];
        let long = Done {
            notes,
            ..Done::default()
        };
        replies.send(Reply::Done(long)).await.unwrap();
        let end = talk.await.unwrap().unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::TimedOut);
    }
}
