//! That a recovery has begun and has not ended: the file `recovering` of a home.
//!
//! It is there before anything comes back that this node had lost, and goes away when all of it stands
//! in the private feed too. A start that finds it looks through what this member's feeds hold. It also names
//! the recovery, so that the root key's go-ahead serves for this one alone.

use std::fs;
use std::io;
use std::path::Path;

use kentong_keys::RecoveryId;

use crate::whole_file;

const TITLE: &str = "kentong recovery v1";
/// Longer than such a file is.
const MAX_LEN: usize = 1024;

/// Notes that a recovery has begun, durably, and names it; the one that has begun already, if one has.
/// A file that cannot be read is replaced: nobody knew its name.
pub fn begin(home: &crate::home::Home) -> io::Result<RecoveryId> {
    let path = home.recovering();
    if let Some(id) = read(&path)? {
        return Ok(id);
    }
    let id = RecoveryId::random();
    whole_file::replace(&path, format!("{TITLE}\nid: {id}\n").as_bytes())?;
    Ok(id)
}

/// Whether a recovery has begun and has not ended.
#[must_use]
pub fn has_begun(home: &crate::home::Home) -> bool {
    home.recovering().symlink_metadata().is_ok()
}

/// Notes that nothing is left to be recovered.
pub fn end(home: &crate::home::Home) -> io::Result<()> {
    match fs::remove_file(home.recovering()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn read(path: &Path) -> io::Result<Option<RecoveryId>> {
    let text = match whole_file::read(path, MAX_LEN) {
        Ok(None) => return Ok(None),
        // It is not what `begin` wrote, whatever else it is.
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(None),
        text => text?.unwrap_or_default(),
    };
    let text = String::from_utf8_lossy(&text);
    let id = text.strip_prefix(TITLE);
    let id = id.and_then(|rest| rest.strip_prefix("\nid: ")?.strip_suffix('\n'));
    Ok(id.and_then(|id| id.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;

    #[test]
    fn it_keeps_its_name_until_it_ends() {
        let dir = tempfile::TempDir::new().unwrap();
        let home = Home::create(&dir.path().join("home")).unwrap();
        assert!(!has_begun(&home));
        let id = begin(&home).unwrap();
        assert!(has_begun(&home));
        assert_eq!(begin(&home).unwrap(), id);
        end(&home).unwrap();
        end(&home).unwrap();
        assert!(!has_begun(&home));
        let next = begin(&home).unwrap();
        assert_ne!(next, id);
        fs::write(home.recovering(), "kentong recovery v1\nid: 00").unwrap();
        let anew = begin(&home).unwrap();
        assert_ne!(anew, next);
        assert_eq!(begin(&home).unwrap(), anew);
    }
}
