//! Where a passphrase comes from: never an argument or the environment, which others can read.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_keys::Passphrase;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The name that systemd's `LoadCredential=` gives the file.
const CREDENTIAL: &str = "kentong-passphrase";

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Passphrase (otherwise asked on the terminal)")]
pub(super) struct PassphraseArgs {
    /// Read it from this open file, as in `3< <(pass kentong)`.
    #[arg(long, value_name = "NUMBER", conflicts_with = "passphrase_file")]
    passphrase_fd: Option<u32>,
    /// Read it from this file, which only its owner may read. Under systemd, the credential
    /// kentong-passphrase is used without being asked for.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// The passphrase of a new root key, if that is to have one of its own.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Passphrase of the root key (otherwise asked if the other is)")]
pub(super) struct RootPassphraseArgs {
    /// Read it from this open file. If neither this nor a file is named, and the passphrase above
    /// is not typed, the root key is under that one too.
    #[arg(long, value_name = "NUMBER", conflicts_with = "root_passphrase_file")]
    root_passphrase_fd: Option<u32>,
    /// Read it from this file, which only its owner may read.
    #[arg(long, value_name = "FILE")]
    root_passphrase_file: Option<PathBuf>,
}

impl RootPassphraseArgs {
    /// The root key's own passphrase; none if it shares that of the `others`.
    pub(super) fn get(&self, others: &PassphraseArgs) -> Result<Option<Passphrase>> {
        if let Some(path) = named(
            self.root_passphrase_fd,
            self.root_passphrase_file.as_deref(),
        ) {
            return read(&path, None).map(Some);
        }
        if others.source().1.is_some() {
            return Ok(None);
        }
        let typed = type_in(
            "the root key, better another one (nothing for the same)",
            Typed::Twice,
        )?;
        own_or_same(typed)
    }
}

/// An empty line stands for the passphrase that the other keys have.
fn own_or_same(mut typed: Zeroizing<Vec<u8>>) -> Result<Option<Passphrase>> {
    if typed.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        return Ok(None);
    }
    Ok(Some(Passphrase::new(std::mem::take(&mut *typed))?))
}

/// Whether a passphrase is typed once, to open something, or twice, because it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    Once,
    Twice,
}

impl PassphraseArgs {
    /// The passphrase; `what` says for people what it opens.
    pub(super) fn get(&self, what: &str, asked: Typed) -> Result<Passphrase> {
        match self.source() {
            (credentials, Some(path)) => read(&path, credentials.as_deref()),
            (_, None) => {
                let mut typed = type_in(what, asked)?;
                Ok(Passphrase::new(std::mem::take(&mut *typed))?)
            }
        }
    }

    /// systemd's folder of credentials, and the file that the passphrase is read from.
    fn source(&self) -> (Option<PathBuf>, Option<PathBuf>) {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let file = self.file(credentials.as_deref());
        (credentials, file)
    }

    /// The file that it is read from, if it is not typed.
    fn file(&self, credentials: Option<&Path>) -> Option<PathBuf> {
        let credential = || credentials.map(|folder| folder.join(CREDENTIAL));
        let given = named(self.passphrase_fd, self.passphrase_file.as_deref());
        given.or_else(|| credential().filter(|path| path.exists()))
    }
}

/// The file that an option names.
fn named(number: Option<u32>, file: Option<&Path>) -> Option<PathBuf> {
    // The descriptor is opened by its name, for adopting its number would be unsafe code.
    let number = number.map(|number| format!("/dev/fd/{number}").into());
    number.or_else(|| file.map(Path::to_owned))
}

fn read(path: &Path, credentials: Option<&Path>) -> Result<Passphrase> {
    let at = |error: std::io::Error| {
        anyhow!(
            "cannot read the passphrase from {}: {error}; check the name",
            path.display()
        )
    };
    let file = File::open(path).map_err(at)?;
    let about = file.metadata().map_err(at)?;
    let mode = about.permissions().mode();
    // systemd lets the service's account read a credential by an access list, which shows as the
    // group's bits, in a folder that nobody else can enter.
    let granted = credentials.is_some_and(|folder| path.starts_with(folder));
    let others = if granted { 0o007 } else { 0o077 };
    if about.is_file() && mode & others != 0 && !path.starts_with("/dev/fd") {
        bail!(
            "others may read {path}; run `chmod 600 {path}`",
            path = path.display()
        );
    }
    let mut typed = Zeroizing::new(Vec::with_capacity(Passphrase::MAX_LEN + 3));
    file.take(Passphrase::MAX_LEN as u64 + 3)
        .read_to_end(&mut typed)
        .map_err(at)?;
    Passphrase::new(std::mem::take(&mut *typed))
        .map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// Asks on the terminal, even if input and output are redirected.
fn type_in(what: &str, asked: Typed) -> Result<Zeroizing<Vec<u8>>> {
    let terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|_| {
            anyhow!(
                "no passphrase for {what}, and no terminal to ask for it on; give it by \
             --passphrase-file or --passphrase-fd"
            )
        })?;
    let typed = line(&terminal, &format!("Passphrase for {what}: "))?;
    if asked == Typed::Twice && *line(&terminal, "The same again: ")? != *typed {
        bail!("the two are different; run the command again");
    }
    Ok(typed)
}

/// A line from the terminal, which does not show it.
fn line(terminal: &File, prompt: &str) -> Result<Zeroizing<Vec<u8>>> {
    let mut screen = terminal;
    screen.write_all(prompt.as_bytes())?;
    let silent = Silent::on(terminal)?;
    let mut typed = Zeroizing::new(Vec::with_capacity(Passphrase::MAX_LEN + 3));
    let mut limited = BufReader::new(terminal.take(Passphrase::MAX_LEN as u64 + 3));
    limited.read_until(b'\n', &mut typed)?;
    drop(silent);
    screen.write_all(b"\n")?;
    Ok(typed)
}

/// A terminal that does not echo, as long as this lives.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silent<'a> {
    fn on(terminal: &'a File) -> Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // If even this fails, the shell puts its terminal in order itself.
        tcsetattr(self.terminal, OptionalActions::Now, &self.before).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_nearest_source_wins() {
        let dir = TempDir::new().unwrap();
        let credential = dir.path().join(CREDENTIAL);
        let check = |fd, file: Option<&str>, expected: Option<&Path>| {
            let args = PassphraseArgs {
                passphrase_fd: fd,
                passphrase_file: file.map(Into::into),
            };
            let found = args.file(Some(dir.path()));
            assert_eq!(found.as_deref(), expected, "{fd:?} {file:?}");
        };
        check(None, None, None);
        fs::write(&credential, "x").unwrap();
        check(None, None, Some(&credential));
        check(None, Some("f"), Some(Path::new("f")));
        check(Some(3), None, Some(Path::new("/dev/fd/3")));
    }

    #[test]
    fn the_root_key_has_its_own_or_the_same() {
        let same = |typed: &str| own_or_same(Zeroizing::new(typed.into())).map(|own| own.is_none());
        assert!(same("\n").unwrap() && same("").unwrap());
        assert!(!same("a good passphrase\n").unwrap());
        assert!(same("short\n").is_err() && same(" \n").is_err());

        let dir = TempDir::new().unwrap();
        let path = dir.path().join("root");
        fs::write(&path, "a good passphrase").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let not_typed = PassphraseArgs {
            passphrase_file: Some(path.clone()),
            ..PassphraseArgs::default()
        };
        let named = RootPassphraseArgs {
            root_passphrase_file: Some(path),
            ..RootPassphraseArgs::default()
        };
        assert!(named.get(&not_typed).unwrap().is_some());
        let unnamed = RootPassphraseArgs::default();
        assert!(unnamed.get(&not_typed).unwrap().is_none());
    }

    #[test]
    fn read_from_files() {
        let dir = TempDir::new().unwrap();
        let check = |text: &str, mode, says: Option<&str>| {
            let path = dir.path().join("p");
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = read(&path, None).err().map(|error| error.to_string());
            match (&error, says) {
                (None, None) => {}
                (Some(error), Some(says)) => assert!(error.contains(says), "{error}"),
                _ => panic!("{text:?} {mode:o}: {error:?}"),
            }
        };
        check("a good passphrase\n", 0o600, None);
        check("a good passphrase", 0o400, None);
        check("a good passphrase", 0o640, Some("chmod 600"));
        check("short", 0o600, Some("at least 8"));
        check(&"x".repeat(5000), 0o600, Some("at most 1024"));
        let error = read(&dir.path().join("none"), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("check the name"), "{error}");
        // As systemd shows a credential that an access list grants.
        let credential = dir.path().join(CREDENTIAL);
        fs::write(&credential, "a good passphrase").unwrap();
        for (mode, may) in [(0o440, true), (0o444, false)] {
            fs::set_permissions(&credential, Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&credential, Some(dir.path())).is_ok(), may, "{mode:o}");
        }
    }
}
