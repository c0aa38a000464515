//! Asking a running node, from the command line.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use crate::home;

use super::reply::{Code, Done, Failure, Reply};
use super::request::{Line, Request};
use super::{MAX_LINE, VERSION};

/// How often a request is brought again to a node that let this connection go before it had read it.
const TRIES: usize = 5;

/// How long a node is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long it may say nothing at all. While it works on an answer, however long that takes, it gives
    /// a sign of life every two seconds.
    pub silence: Duration,
    /// After how many seconds of work the operator is told what it is waiting for.
    pub notice: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(10),
            notice: 10,
        }
    }
}

/// A connection to the node of one home. The node lets it go when nothing is asked for a while; the next
/// request opens another.
#[derive(Debug)]
pub struct Client {
    home: PathBuf,
    socket: PathBuf,
    patience: Patience,
    /// Tells the operator for how many seconds the node has been working.
    tell: fn(u64),
    stream: Option<BufReader<UnixStream>>,
}

/// Why the node could not be asked, or did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing listens on the socket.
    #[error(
        "no node runs in {home}; start it with `kentong run --home {home}`, \
         or name another home with --home"
    )]
    NotRunning {
        /// The home.
        home: PathBuf,
    },
    /// The socket is not for this user.
    #[error(
        "the node in {home} does not let you in; ask its administrator to add you to its group"
    )]
    NotAllowed {
        /// The home.
        home: PathBuf,
    },
    /// It gives no sign of life.
    #[error(
        "the node in {home} does not answer: it said nothing for {} s. What was asked may still be done \
         when it goes on. {}", .silence.as_secs_f32(), next_step(*.process, *.is_stopped)
    )]
    Silent {
        /// The home.
        home: PathBuf,
        /// How long it was waited for.
        silence: Duration,
        /// The node's process, if the home tells.
        process: Option<u32>,
        /// Whether that is known to be stopped.
        is_stopped: bool,
    },
    /// It lets every connection go before it has read what is asked.
    #[error(
        "the node in {home} let this command go {TRIES} times before it had read what was asked, for so \
         many others ask it; nothing was done: try again in a moment"
    )]
    Crowded {
        /// The home.
        home: PathBuf,
    },
    /// The connection broke.
    #[error(
        "the connection to the node ended in the middle of an answer ({0}): the node stopped, or this \
         command read nothing for too long; see the node's log, then try again"
    )]
    Broken(#[source] io::Error),
    /// The node refused.
    #[error("{}; {}", .0.message, .0.next)]
    Refused(Failure),
}

/// What to do about a node that does not answer.
fn next_step(process: Option<u32>, is_stopped: bool) -> String {
    match process {
        Some(pid) if is_stopped => format!(
            "Its process {pid} is stopped: let it go on with `kill -CONT {pid}` (or `fg`, if it was stopped \
             with Ctrl-Z), then try again"
        ),
        Some(pid) => format!(
            "Its process {pid} runs: see the node's log and how busy the machine and its disk are, then try \
             again; if it stays so, end it with `kill {pid}` and start it again"
        ),
        None => "See whether its process is stopped and how busy the machine is, then try again"
            .to_owned(),
    }
}

/// What came of bringing a request.
enum Brought {
    Answered(Done),
    /// The node had let the connection go before it read the request.
    NotRead,
}

impl Client {
    /// Connects to the node whose control socket is at `socket` in `home`.
    pub fn connect(home: &Path, socket: &Path) -> Result<Self, ClientError> {
        Self::with_patience(home, socket, Patience::default())
    }

    /// The same, with another patience than a person at a terminal has.
    pub fn with_patience(
        home: &Path,
        socket: &Path,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        let mut client = Self {
            home: home.to_owned(),
            socket: socket.to_owned(),
            patience,
            tell: |_| {},
            stream: None,
        };
        client.stream = Some(client.open()?);
        Ok(client)
    }

    /// Has the operator told, once for each request, when an answer takes long.
    #[must_use]
    pub fn telling(mut self, tell: fn(u64)) -> Self {
        self.tell = tell;
        self
    }

    /// Asks; gives each row of the answer to `row`; answers its end.
    pub fn ask(
        &mut self,
        request: Request,
        mut row: impl FnMut(Reply),
    ) -> Result<Done, ClientError> {
        let line = Line {
            v: VERSION,
            request,
        };
        let mut line = serde_json::to_vec(&line)
            .map_err(io::Error::other)
            .map_err(ClientError::Broken)?;
        line.push(b'\n');
        for _ in 0..TRIES {
            let stream = match self.stream.take() {
                Some(stream) => stream,
                None => self.open()?,
            };
            if let Brought::Answered(done) = self.bring(stream, &line, &mut row)? {
                return Ok(done);
            }
        }
        Err(ClientError::Crowded {
            home: self.home.clone(),
        })
    }

    fn open(&self) -> Result<BufReader<UnixStream>, ClientError> {
        // While a node stands still its newcomers queue. When the queue is full `connect` itself waits
        // without end, so a thread does that; it ends with the command.
        let (tell, told) = mpsc::sync_channel(1);
        let socket = self.socket.clone();
        std::thread::spawn(move || drop(tell.send(UnixStream::connect(socket))));
        let home = self.home.clone();
        match told.recv_timeout(self.patience.silence) {
            Ok(Ok(stream)) => {
                let most = Some(self.patience.silence);
                stream
                    .set_read_timeout(most)
                    .and_then(|()| stream.set_write_timeout(most))
                    .map_err(ClientError::Broken)?;
                Ok(BufReader::new(stream))
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(ClientError::NotAllowed { home })
            }
            Ok(Err(_)) => Err(ClientError::NotRunning { home }),
            Err(_) => Err(self.silent()),
        }
    }

    /// Brings a request over a connection, which is kept if the node keeps it.
    fn bring(
        &mut self,
        mut stream: BufReader<UnixStream>,
        line: &[u8],
        row: &mut impl FnMut(Reply),
    ) -> Result<Brought, ClientError> {
        // A node that has let go of the connection said so before: that is still to be read.
        let sent = stream.get_mut().write_all(line);
        let (mut is_first, mut is_told) = (true, false);
        loop {
            let mut line = Vec::new();
            let limit = MAX_LINE as u64 + 1;
            let read = (&mut stream).take(limit).read_until(b'\n', &mut line);
            let read = match (read, &sent) {
                // If the node is gone, the write has failed, or the read fails now.
                (Ok(0) | Err(_), Err(error)) => Err(io::Error::from(error.kind())),
                (read, _) => read,
            };
            if read.map_err(|error| self.failed(error))? == 0 {
                return Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into()));
            }
            let reply = serde_json::from_slice(&line)
                .map_err(io::Error::other)
                .map_err(ClientError::Broken)?;
            match reply {
                Reply::Done(done) => {
                    self.stream = Some(stream);
                    return Ok(Brought::Answered(done));
                }
                Reply::Error(failure) if is_first && failure.code == Code::Idle => {
                    return Ok(Brought::NotRead);
                }
                Reply::Error(failure) => return Err(ClientError::Refused(failure)),
                Reply::Working { seconds } => {
                    if seconds >= self.patience.notice && !is_told {
                        is_told = true;
                        (self.tell)(seconds);
                    }
                }
                reply @ (Reply::Indicator(_)
                | Reply::Peer(_)
                | Reply::Feed(_)
                | Reply::Verdict(_)
                | Reply::Receipt(_)
                | Reply::Erasure(_)
                | Reply::Erased(_)
                | Reply::Status(_)
                | Reply::Head(_)
                | Reply::Durable(_)) => row(reply),
            }
            is_first = false;
        }
    }

    fn failed(&self, error: io::Error) -> ClientError {
        use io::ErrorKind::{TimedOut, WouldBlock};
        if [TimedOut, WouldBlock].contains(&error.kind()) {
            self.silent()
        } else {
            ClientError::Broken(error)
        }
    }

    fn silent(&self) -> ClientError {
        let process = home::process_in(&self.home);
        ClientError::Silent {
            home: self.home.clone(),
            silence: self.patience.silence,
            process,
            is_stopped: process.is_some_and(is_stopped),
        }
    }
}

/// Whether Linux says of a process that it is stopped.
fn is_stopped(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    // The name stands in brackets and may hold any; the state follows.
    let stat = stat.unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, after)| after);
    state.is_some_and(|state| state.starts_with(['T', 't']))
}

#[cfg(test)]
mod tests;
