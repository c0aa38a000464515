//! Listening for operators.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};

use super::reply::{Failure, Reply};
use super::request::{Line, Request};
use super::{MAX_LINE, VERSION};

/// The most operators at a time.
const MAX_CLIENTS: usize = 64;
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

/// Binds the socket, readable and writable for its owner alone, or with `group` for that group
/// too. A socket that a dead process left is replaced; the caller holds the home's lock.
pub fn bind(path: &Path, group: bool) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // The home is 0700, so nobody else can reach the socket before its mode is set.
    let listener = UnixListener::bind(path)?;
    let mode = if group { 0o660 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
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
                    tracing::warn!(%error, "an operator could not be let in");
                    continue;
                }
            },
            () = core.closed() => return,
        };
        let core = core.clone();
        tokio::spawn(async move {
            if let Err(error) = client(stream, core).await {
                tracing::debug!(%error, "an operator went away");
            }
            drop(place);
        });
    }
}

async fn client<E: From<Asked>>(stream: UnixStream, core: mpsc::Sender<E>) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let limit = MAX_LINE as u64 + 1;
        if (&mut lines)
            .take(limit)
            .read_until(b'\n', &mut line)
            .await?
            == 0
        {
            return Ok(());
        }
        let request = match parse(&line) {
            Ok(request) => request,
            Err(failure) => {
                send(&mut write, &Reply::Error(failure)).await?;
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
        while let Some(reply) = answer.recv().await {
            send(&mut write, &reply).await?;
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
