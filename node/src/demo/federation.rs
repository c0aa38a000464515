//! The demo's nodes: real processes of this very program, each with a home of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::UdpSocket;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::control::client::Client;
use crate::control::reply::{Done, Reply, Status};
use crate::control::request::Request;
use crate::home::Home;

/// How long the demo waits for anything before it says that it did not happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at whether it has happened.
const LOOK: Duration = Duration::from_millis(5);

/// One member's node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) member: &'static str,
    pub(super) home: PathBuf,
    process: Option<Child>,
}

/// All of them, with the folder that holds their homes.
#[derive(Debug)]
pub(super) struct Federation {
    pub(super) dir: PathBuf,
    pub(super) nodes: Vec<Node>,
    program: PathBuf,
}

impl Federation {
    /// Makes homes for these members, with one passphrase file for all: it is a demo.
    pub(super) fn create(dir: PathBuf, members: &[(&'static str, &str)]) -> Result<Self> {
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut federation = Self {
            dir,
            nodes: Vec::new(),
            program,
        };
        let secret: [u8; 16] = kentong_keys::random_bytes();
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = federation.passphrase();
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        writeln!(file, "{secret}")?;
        for (member, name) in members {
            let home = federation.dir.join(member);
            let address = format!("/ip4/127.0.0.1/udp/{}/quic-v1", free_port()?);
            federation.run(
                &home,
                &[
                    "init", "--member", member, "--name", name, "--listen", &address,
                ],
                &[
                    "--address",
                    &address,
                    "--passphrase-file",
                    &path.to_string_lossy(),
                ],
            )?;
            // The person who runs the demo is the one whom RED is meant for.
            let config = home.join("config.toml");
            let text = fs::read_to_string(&config)?;
            let uid = rustix::process::getuid().as_raw();
            fs::write(&config, format!("red-readers = [{uid}]\n{text}"))?;
            federation.nodes.push(Node {
                member,
                home,
                process: None,
            });
        }
        Ok(federation)
    }

    /// The file with the passphrase of all homes.
    pub(super) fn passphrase(&self) -> PathBuf {
        self.dir.join("passphrase")
    }

    /// Exchanges the member files, drafts a charter, lets every member sign it, installs it.
    pub(super) fn charter(&self) -> Result<PathBuf> {
        let mut cards = Vec::new();
        for node in &self.nodes {
            let card = self.dir.join(format!("{}.card", node.member));
            fs::write(&card, self.run(&node.home, &["card"], &[])?)?;
            cards.push(card.to_string_lossy().into_owned());
        }
        let cards: Vec<&str> = cards.iter().map(String::as_str).collect();
        let path = |name: &str| self.dir.join(name).to_string_lossy().into_owned();
        let (draft, charter) = (path("charter.draft"), path("charter.txt"));
        let Some(first) = self.nodes.first() else {
            bail!("a federation has members")
        };
        let mut arguments = vec!["charter", "draft", "--federation", "DEMO", "-o", &draft];
        arguments.extend(&cards);
        self.run(&first.home, &arguments, &[])?;
        let mut signed = Vec::new();
        for node in &self.nodes {
            let out = path(&format!("charter.{}", node.member));
            let root = node.home.join("root.key").to_string_lossy().into_owned();
            let secret = self.passphrase().to_string_lossy().into_owned();
            let arguments = ["charter", "sign", &draft, "--root-key", &root, "-o", &out];
            self.run(&node.home, &arguments, &["--passphrase-file", &secret])?;
            signed.push(out);
        }
        let mut arguments = vec!["charter", "merge", "-o", &charter];
        arguments.extend(signed.iter().map(String::as_str));
        self.run(&first.home, &arguments, &[])?;
        for node in &self.nodes {
            self.run(&node.home, &["charter", "install", &charter], &[])?;
        }
        Ok(charter.into())
    }

    /// Starts every node, its log in its home.
    pub(super) fn start(&mut self) -> Result<()> {
        let passphrase = self.passphrase();
        for node in &mut self.nodes {
            let log = File::create(node.home.join("node.log"))?;
            let child = Command::new(&self.program)
                .args(["run", "--home"])
                .arg(&node.home)
                .arg("--passphrase-file")
                .arg(&passphrase)
                .stdin(Stdio::null())
                .stdout(Stdio::from(log.try_clone()?))
                .stderr(Stdio::from(log))
                .spawn()
                .context("cannot start a node")?;
            node.process = Some(child);
        }
        let others = self.nodes.len().saturating_sub(1) as u64;
        for node in &mut self.nodes {
            wait(
                &format!("{} is not connected to all others", node.member),
                || {
                    node.is_running()?;
                    Ok(node
                        .status()
                        .ok()
                        .filter(|status| status.connected.members == others))
                },
            )
            .with_context(|| format!("see {}", node.home.join("node.log").display()))?;
        }
        Ok(())
    }

    /// Runs a command of this program on a home; answers what it printed.
    pub(super) fn run(&self, home: &Path, first: &[&str], more: &[&str]) -> Result<String> {
        let arguments: Vec<OsString> = first.iter().chain(more).map(OsString::from).collect();
        let output = Command::new(&self.program)
            .args(&arguments)
            .arg("--home")
            .arg(home)
            .stdin(Stdio::null())
            .output()
            .context("cannot run this program's own file")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`kentong {}` failed: {}", first.join(" "), said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(super) fn node(&self, member: &str) -> Result<&Node> {
        let node = self.nodes.iter().find(|node| node.member == member);
        node.with_context(|| format!("{member} is not in this demo"))
    }
}

impl Drop for Federation {
    /// No process outlives the demo.
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let Some(mut process) = node.process.take() else {
                continue;
            };
            let asked = node.ask(Request::Stop, |_| {}).is_ok();
            let end = Instant::now() + Duration::from_secs(if asked { 10 } else { 0 });
            while Instant::now() < end && matches!(process.try_wait(), Ok(None)) {
                std::thread::sleep(LOOK);
            }
            drop(process.kill());
            drop(process.wait());
        }
    }
}

impl Node {
    /// Asks this node over its control socket.
    pub(super) fn ask(&self, request: Request, row: impl FnMut(Reply)) -> Result<Done> {
        let home = Home::open(&self.home)?;
        let mut client = Client::connect(&self.home, &home.control_socket())?;
        Ok(client.ask(request, row)?)
    }

    pub(super) fn status(&self) -> Result<Status> {
        let mut status = None;
        self.ask(Request::Status, |row| {
            if let Reply::Status(row) = row {
                status = Some(*row);
            }
        })?;
        status.context("the node did not say how it is")
    }

    /// An error if the process has ended.
    fn is_running(&mut self) -> Result<()> {
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        match process.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the node of {} ended ({status})", self.member),
        }
    }
}

/// Looks until there is something to see, for at most [`PATIENCE`].
pub(super) fn wait<T>(what: &str, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    wait_until(Instant::now() + PATIENCE, what, look)
}

/// Looks until there is something to see, or until a moment.
pub(super) fn wait_until<T>(
    end: Instant,
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if Instant::now() > end {
            bail!("{what} in time");
        }
        std::thread::sleep(LOOK);
    }
}

/// A UDP port on loopback that is free now.
fn free_port() -> io::Result<u16> {
    Ok(UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
