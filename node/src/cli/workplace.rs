//! Where a command works: the home that it is about, its node, and where its output goes.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use serde::Serialize;

use crate::config::{Config, ConfigError};
use crate::control::client::{Client, ClientError};
use crate::control::reply::{Done, Reply};
use crate::control::request::Request;
use crate::control::{self};
use crate::home::Home;
use crate::terminal::{plain_json, plain_lines};
use crate::whole_file;

/// The home, and for whom to write.
#[derive(Debug)]
pub(super) struct Workplace {
    root: PathBuf,
    json: bool,
}

/// A row for programs: what it is, after the version of its form.
#[derive(Serialize)]
struct Versioned<'a, T> {
    v: u32,
    #[serde(flatten)]
    row: &'a T,
}

impl Workplace {
    pub(super) fn new(home: Option<PathBuf>, json: bool) -> Result<Self> {
        let asked = home.or_else(|| std::env::var_os("KENTONG_HOME").map(PathBuf::from));
        let usual = || Some(std::env::home_dir()?.join(".local/share/kentong"));
        let root = asked
            .filter(|path| !path.as_os_str().is_empty())
            .or_else(usual);
        let root = root.ok_or_else(|| anyhow!("no folder for the node; name one with --home"))?;
        let root = std::path::absolute(&root)
            .map_err(|error| anyhow!("{}: {error}; name another --home", root.display()))?;
        Ok(Self { root, json })
    }

    /// The home's folder, whether there is a home or not.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether to write for programs.
    pub(super) const fn json(&self) -> bool {
        self.json
    }

    pub(super) fn home(&self) -> Result<Home> {
        Ok(Home::open(&self.root)?)
    }

    /// The configuration. An operator who may not read it works without.
    pub(super) fn config(&self) -> Result<Config> {
        match Config::read(&self.root.join("config.toml")) {
            Err(ConfigError::Read { source, .. })
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Ok(Config::default())
            }
            other => Ok(other?),
        }
    }

    /// A connection to the running node.
    pub(super) fn client(&self) -> Result<Client> {
        let client = Client::connect(&self.root, &self.root.join("control.sock"))?;
        Ok(if self.json {
            client
        } else {
            client.telling(tell_of_work)
        })
    }

    /// Asks the running node; gives the rows of its answer and the end.
    pub(super) fn ask(&self, request: Request) -> Result<(Vec<Reply>, Done)> {
        let mut rows = Vec::new();
        let done = self.client()?.ask(request, |row| rows.push(row))?;
        Ok((rows, done))
    }

    /// Asks the running node, and writes each row of the answer for programs as it comes, then the
    /// end.
    pub(super) fn pass_on(&self, request: Request) -> Result<Done> {
        let mut written = Ok(());
        let done = self.client()?.ask(request, |row| {
            if written.is_ok() {
                written = self.emit(&row);
            }
        });
        // A person who stopped reading is told before what the node says last.
        written?;
        let done = done?;
        self.emit(&Reply::Done(done.clone()))?;
        Ok(done)
    }

    /// Writes a line for people.
    #[expect(clippy::unused_self, reason = "all output passes the workplace")]
    pub(super) fn say(&self, line: impl Display) -> Result<()> {
        let line = plain_lines(&line.to_string());
        Ok(writeln!(io::stdout().lock(), "{line}")?)
    }

    /// Writes what is not output: advice, warnings, what is going on. Programs are spared it.
    pub(super) fn advise(&self, line: impl Display) -> Result<()> {
        if self.json {
            return Ok(());
        }
        let line = plain_lines(&line.to_string());
        Ok(writeln!(io::stderr().lock(), "{line}")?)
    }

    /// Writes what the node has to say beside an answer.
    pub(super) fn advise_all(&self, notes: &[String]) -> Result<()> {
        notes.iter().try_for_each(|note| self.advise(note))
    }

    /// Writes a row for programs: an object with one field, which says what it is.
    #[expect(clippy::unused_self, reason = "all output passes the workplace")]
    pub(super) fn emit(&self, row: &impl Serialize) -> Result<()> {
        let row = Versioned {
            v: control::VERSION,
            row,
        };
        let line = plain_json(&serde_json::to_string(&row)?);
        Ok(writeln!(io::stdout().lock(), "{line}")?)
    }

    /// Writes all rows of an answer for programs, and its end.
    pub(super) fn emit_all(&self, rows: &[Reply], done: Done) -> Result<()> {
        for row in rows {
            self.emit(row)?;
        }
        self.emit(&Reply::Done(done))
    }

    /// Writes a file that others are to have, or to standard output if no path is given.
    pub(super) fn write(&self, path: Option<&Path>, bytes: &[u8]) -> Result<()> {
        match path {
            Some(path) => std::fs::write(path, bytes).map_err(|error| {
                anyhow!(
                    "cannot write {}: {error}; name another file with -o",
                    path.display()
                )
            }),
            None => Ok(io::stdout().lock().write_all(bytes)?),
        }
    }

    /// Has the running node read charter and cards again; nothing to do if none runs.
    pub(super) fn reload_members(&self) -> Result<()> {
        let asked = self.ask(Request::ReloadMembers);
        match asked {
            Ok((_, done)) => self.advise_all(&done.notes),
            Err(error) if is_not_running(&error) => Ok(()),
            Err(error) => Err(error.context(format!(
                "the files in {} are changed, but the running node has not read them yet; it does when it \
                 is started, or when a command like this one reaches it",
                self.root.display()
            ))),
        }
    }
}

/// Whether a command failed only because no node runs.
pub(super) fn is_not_running(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::NotRunning { .. }))
}

/// Tells the operator why nothing happens. With the terminal gone there is nobody left to tell.
fn tell_of_work(seconds: u64) {
    drop(writeln!(
        io::stderr().lock(),
        "The node is working on this, for {seconds} s now, and the answer is still to come. Ctrl-C ends \
         the waiting."
    ));
}

/// Reads a file that somebody else wrote; longer than `most` bytes is an error.
pub(super) fn read_foreign(path: &Path, most: usize) -> Result<Vec<u8>> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::FileTooLarge {
            return anyhow!(
                "{} is over {most} bytes; is it the right file?",
                path.display()
            );
        }
        anyhow!(
            "cannot read {}: {error}; check the spelling and the folder",
            path.display()
        )
    };
    // What is not there is said in the system's words.
    let missing = || io::Error::from_raw_os_error(rustix::io::Errno::NOENT.raw_os_error());
    let bytes = whole_file::read(path, most).and_then(|bytes| bytes.ok_or_else(missing));
    bytes.map_err(failed)
}
