//! Asking a running node, from the command line.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::reply::{Done, Failure, Reply};
use super::request::{Line, Request};
use super::{MAX_LINE, VERSION};

/// A connection to the node of one home.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
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
    /// The connection broke.
    #[error("the node went away in the middle of an answer ({0}); see its log, then try again")]
    Broken(#[source] io::Error),
    /// The node refused.
    #[error("{}; {}", .0.message, .0.next)]
    Refused(Failure),
}

impl Client {
    /// Connects to the node whose control socket is at `socket` in `home`.
    pub fn connect(home: &Path, socket: &Path) -> Result<Self, ClientError> {
        let home = home.to_owned();
        match UnixStream::connect(socket) {
            Ok(stream) => Ok(Self {
                stream: BufReader::new(stream),
            }),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(ClientError::NotAllowed { home })
            }
            Err(_) => Err(ClientError::NotRunning { home }),
        }
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
            .map_err(broken)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).map_err(broken)?;
        loop {
            let mut line = Vec::new();
            let limit = MAX_LINE as u64 + 1;
            let read = (&mut self.stream).take(limit).read_until(b'\n', &mut line);
            if read.map_err(broken)? == 0 {
                return Err(broken(io::ErrorKind::UnexpectedEof.into()));
            }
            match serde_json::from_slice(&line)
                .map_err(io::Error::other)
                .map_err(broken)?
            {
                Reply::Done(done) => return Ok(done),
                Reply::Error(failure) => return Err(ClientError::Refused(failure)),
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
        }
    }
}

fn broken(error: io::Error) -> ClientError {
    ClientError::Broken(error)
}
