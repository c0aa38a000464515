//! Small files that are read and written as a whole.
//!
//! What [`replace`] and [`create`] write is durable when they return, and only its owner may read it. After
//! a crash or a power cut [`replace`] leaves the file of before or the new one, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Why a file was not replaced, or perhaps was.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct ReplaceError {
    /// What was tried, to be followed by the file's name: `create a draft of`.
    pub action: &'static str,
    /// Whether the new file may be in its place all the same: not synced, so a power cut decides.
    pub perhaps_replaced: bool,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl From<ReplaceError> for io::Error {
    fn from(error: ReplaceError) -> Self {
        error.source
    }
}

/// A file's bytes; none if there is no such file. Of one that is longer than `most` no more than that is
/// read, and the error is [`io::ErrorKind::FileTooLarge`].
pub fn read(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    // One byte more than there may be, so that a longer file is refused and not cut.
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        let why = format!("it is longer than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(Some(bytes))
}

/// The same of a file that is text.
pub fn read_text(path: &Path, most: usize) -> io::Result<Option<String>> {
    let bytes = read(path, most)?;
    let text = bytes.map(String::from_utf8).transpose();
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// Writes a file in place of the one that may be there, by way of a draft beside it whose name ends in
/// `.new`.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), ReplaceError> {
    replace_by(path, &path.with_extension("new"), content)
}

/// The same by way of a draft of this name in the same folder. What stands there is dropped first: another
/// may have left it with another mode. Nobody else may be writing there.
pub fn replace_by(path: &Path, draft: &Path, content: &[u8]) -> Result<(), ReplaceError> {
    let failed = |action, perhaps_replaced| {
        move |source| ReplaceError {
            action,
            perhaps_replaced,
            source,
        }
    };
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove the old draft of", false)(error));
        }
        _ => {}
    }
    let mut file = open_new(draft).map_err(failed("create a draft of", false))?;
    file.write_all(content)
        .map_err(failed("write a draft of", false))?;
    file.sync_all().map_err(failed("sync a draft of", false))?;
    fs::rename(draft, path).map_err(failed("replace", true))?;
    sync_folder_of(path).map_err(failed("replace", true))
}

/// Writes a file that must not be there yet. A crash may leave a part of it.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = open_new(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    sync_folder_of(path)
}

fn open_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

/// Makes durable which files the folder of a file holds.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_there_is_replaced_as_a_whole_and_stays_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("charter");
        replace(&path, b"long before").unwrap();
        // A draft that a crash left, which others may read.
        let draft = dir.path().join("charter.new");
        fs::write(&draft, "left behind and longer").unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"now").unwrap();
        assert_eq!(read_text(&path, 3).unwrap().as_deref(), Some("now"));
        assert_eq!((mode(&path), draft.exists()), (0o600, false));
    }

    #[test]
    fn a_failure_says_whether_the_file_may_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("charter");
        replace(&path, b"before").unwrap();
        let draft = dir.path().join("charter.new");
        fs::create_dir(&draft).unwrap();
        let error = replace(&path, b"after").unwrap_err();
        let said = (error.action, error.perhaps_replaced);
        assert_eq!(said, ("remove the old draft of", false));
        assert_eq!(read(&path, 99).unwrap().as_deref(), Some(&b"before"[..]));
        let folder = dir.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let error = replace(&folder, b"after").unwrap_err();
        assert_eq!((error.action, error.perhaps_replaced), ("replace", true));
        let error = replace(&dir.path().join("none/charter"), b"x").unwrap_err();
        let said = (error.action, error.perhaps_replaced);
        assert_eq!(said, ("create a draft of", false));
    }

    #[test]
    fn what_is_created_is_private_and_never_there_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        create(&path, b"one").unwrap();
        assert_eq!(mode(&path), 0o600);
        let error = create(&path, b"other").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path, 3).unwrap().as_deref(), Some(&b"one"[..]));
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_and_not_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(read(&path, 9).unwrap().is_none());
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap().as_deref(), Some(&b"12345"[..]));
        let error = read(&path, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it is longer than 4 bytes");
        fs::write(&path, [0xff]).unwrap();
        let error = read_text(&path, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
