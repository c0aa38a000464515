//! The policies of a home: every `*.cedar` file of one folder.

use std::io;
use std::path::{Path, PathBuf};

use kentong_protocol::policy::{PolicyError, PolicySet};

use crate::whole_file;

/// The longest policy file, in bytes.
const MAX_FILE: usize = 1 << 20;
/// The most policy files.
const MAX_FILES: usize = 256;

/// Why the policies of a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFilesError {
    /// The folder or a file cannot be read.
    #[error("cannot read {path}: {source}; name the folder that holds the policies (*.cedar)")]
    Read {
        /// What cannot be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none: nothing could be shared, nor anything asked.
    #[error("{path} has no policy files (*.cedar); `kentong init` writes those to begin with")]
    None {
        /// The folder.
        path: PathBuf,
    },
    /// More files than policies may be, or a longer one.
    #[error("{path} is more than policies may be ({MAX_FILES} files of {MAX_FILE} bytes)")]
    TooMuch {
        /// The folder or file.
        path: PathBuf,
    },
    /// A policy is not valid.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Reads and checks all policies of a folder.
pub fn read(folder: &Path) -> Result<PolicySet, PolicyFilesError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| PolicyFilesError::Read { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "cedar")
        {
            continue;
        }
        let too_much = || PolicyFilesError::TooMuch { path: path.clone() };
        if files.len() == MAX_FILES {
            return Err(too_much());
        }
        let text = whole_file::read_text(&path, MAX_FILE).map_err(|error| {
            if error.kind() == io::ErrorKind::FileTooLarge {
                too_much()
            } else {
                at(&path)(error)
            }
        })?;
        let Some(text) = text else {
            return Err(at(&path)(io::ErrorKind::NotFound.into()));
        };
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        files.push((name, text));
    }
    files.sort();
    if files.is_empty() {
        return Err(PolicyFilesError::None {
            path: folder.to_owned(),
        });
    }
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    Ok(PolicySet::parse(&files)?)
}
