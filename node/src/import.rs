//! Foreign files to indicators, row by row, with the reason for each row that gives none.
//!
//! A file is never held whole in memory, except for JSON, whose end decides whether it is JSON;
//! see [`MAX_JSON`]. One bad row is that row's fault and never the file's.

mod change;
mod columns;
mod detect;
mod entry;
mod fields;
mod hosts;
mod json;
mod lines;
mod list;
mod place;
mod readings;
mod refused;
mod report;
mod rule;
mod seen;
mod source;
mod table;

use std::io;
use std::path::{Path, PathBuf};

use kentong_protocol::indicator::{Assertion, Fields, Kind, Reading, Value};

pub use change::Change;
pub use columns::{Column, Columns, ColumnsError, HeaderError, UnknownColumn};
pub use detect::{DetectError, Format, HEAD, UnknownFormat, detect};
pub use fields::CellError;
pub use json::MAX_JSON;
pub use lines::MAX_LINE;
pub use place::Place;
pub use readings::{Read, ReadRow, Readings, Sort};
pub use refused::RowRefused;
pub use report::{Count, Example, RefusedRows, Report};
pub use rule::Rule;
pub use source::Progress;

use entry::Entry;
use fields::Drafter;
use hosts::Hosts;
use json::Items;
use list::List;
use seen::{MAX_SEEN, Seen};
use source::Source;
use table::Table;

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct Options {
    /// The format; by the content if none is given.
    pub format: Option<Format>,
    /// How the columns of a table are told apart.
    pub columns: Columns,
    /// The kind of all values that no column gives one; by the value if none is given.
    pub kind: Option<Kind>,
    /// How values are read: national numbers of which country, private addresses or not.
    pub reading: Reading,
    /// What is said about every value, as far as a row's own columns do not say otherwise.
    pub said: Fields,
    /// What each row must say itself, for `said` has only a stand-in for it.
    pub unsaid: Vec<Column>,
}

/// A value with what is said about it, ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What was read: the cell or line, as written. Foreign text: escape it before showing it.
    pub written: String,
    /// The value.
    pub value: Value,
    /// What is said about it.
    pub assertion: Assertion,
}

/// One row of a foreign file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub place: Place,
    /// The beginning of the row as written. Foreign text: escape it before showing it.
    pub text: String,
    /// The indicator that it gives, or why it gives none.
    pub outcome: Result<Candidate, RowRefused>,
}

/// Why a file cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The reading itself failed.
    #[error("reading failed: {0}; see that the file is whole and the disk well, then try again")]
    Io(#[from] io::Error),
    /// Nothing that can be imported.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A table without rows.
    #[error("there are no rows in it; check that its download finished")]
    NoRows,
    /// A table whose header does not say what is asked of it.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Not JSON, or JSON of another shape.
    #[error(
        "it cannot be read as its JSON format (line {line}, column {column}); {}",
        if *.cut { "its end is missing, so download it again" } else { "correct it there" }
    )]
    Json {
        /// The line, from one.
        line: usize,
        /// The column, from one.
        column: usize,
        /// Whether only its end is missing.
        cut: bool,
    },
    /// More JSON than is read into memory.
    #[error("it is over {} MiB of JSON; split it, or write its values into a list", .limit >> 20)]
    JsonTooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
}

/// Why a file cannot be opened for import.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No such file.
    #[error("there is no file {0}; check the spelling and the folder")]
    Missing(PathBuf),
    /// A folder.
    #[error("{0} is a folder; name the files in it, as in {0}/*.txt")]
    Folder(PathBuf),
    /// The operating system refuses.
    #[error("{path} cannot be opened: {source}; see who may read it with ls -l")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its content.
    #[error("{path}: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
}

/// A foreign file that is being read: an iterator over its rows.
#[derive(Debug)]
pub struct Import {
    format: Format,
    entries: Entries,
    drafter: Drafter,
    progress: Progress,
    seen: Seen,
}

#[derive(Debug)]
enum Entries {
    List(List<Source>),
    Hosts(Hosts<Source>),
    Table(Box<Table<Source>>),
    Json(Items),
}

impl Import {
    /// Opens a file.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let refused = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                OpenError::Missing(path.into())
            } else {
                OpenError::Io {
                    path: path.into(),
                    source,
                }
            }
        };
        let file = std::fs::File::open(path).map_err(refused)?;
        let about = file.metadata().map_err(refused)?;
        if about.is_dir() {
            return Err(OpenError::Folder(path.into()));
        }
        let length = about.is_file().then_some(about.len());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::read(file, length, &name, options).map_err(|source| OpenError::Content {
            path: path.into(),
            source,
        })
    }

    /// Reads from anywhere. The name helps to know a table; the length is for the progress.
    pub fn read(
        from: impl io::Read + Send + 'static,
        length: Option<u64>,
        name: &str,
        options: &Options,
    ) -> Result<Self, ReadError> {
        let (head, source, progress) = source::open(from, length)?;
        let asked = match (&options.format, &options.columns) {
            (Some(format), _) => Some(*format),
            // Only tables have columns.
            (None, Columns::Mapped(_) | Columns::Positions(_)) => Some(Format::Csv),
            (None, Columns::ByHeader) => None,
        };
        let format = match asked {
            Some(format) => {
                detect::check_readable(&head)?;
                format
            }
            None => detect(&head, name)?,
        };
        let drafter = Drafter::new(options);
        let entries = match format {
            Format::List => Entries::List(List::new(source)),
            Format::Hosts => Entries::Hosts(Hosts::new(source)),
            Format::Csv => {
                let is_value = |text: &str| drafter.is_value(text);
                Entries::Table(Box::new(Table::new(source, &options.columns, is_value)?))
            }
            Format::Polkadot => Entries::Json(Items::polkadot(source)?),
            Format::PolkadotDated => Entries::Json(Items::dated(source)?),
        };
        Ok(Self {
            format,
            entries,
            drafter,
            progress,
            seen: Seen::new(MAX_SEEN),
        })
    }

    /// The format that the file is read in.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The columns of a table that nothing is taken from.
    #[must_use]
    pub fn ignored_columns(&self) -> &[String] {
        match &self.entries {
            Entries::Table(table) => table.ignored(),
            Entries::List(_) | Entries::Hosts(_) | Entries::Json(_) => &[],
        }
    }

    /// Whether rows can say this at all: their format has such a column.
    #[must_use]
    pub fn has_column(&self, column: Column) -> bool {
        match &self.entries {
            Entries::Table(table) => table.has(column),
            Entries::List(_) | Entries::Hosts(_) => column == Column::Value,
            Entries::Json(_) => self.format == Format::PolkadotDated && column == Column::FirstSeen,
        }
    }

    /// How far the reading is; it may be cloned and watched from another thread.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        match &mut self.entries {
            Entries::List(list) => list.next_entry(),
            Entries::Hosts(hosts) => hosts.next_entry(),
            Entries::Table(table) => table.next_entry(),
            Entries::Json(items) => Ok(items.next_entry()),
        }
    }

    /// Lets the first of equal values through. Were a later one that says something else let
    /// through too, each import of the same file would publish two revisions.
    fn first_of_its_value(
        &mut self,
        place: Place,
        draft: Candidate,
    ) -> Result<Candidate, RowRefused> {
        match self.seen.before(&draft.value, place) {
            Some(first) => Err(RowRefused::Duplicate { first }),
            None => Ok(draft),
        }
    }
}

impl Iterator for Import {
    type Item = Result<Row, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Entry { place, text, cells } = match self.next_entry() {
            Ok(entry) => entry?,
            Err(error) => return Some(Err(error.into())),
        };
        let outcome = cells
            .and_then(|cells| self.drafter.draft(&cells))
            .and_then(|draft| self.first_of_its_value(place, draft));
        Some(Ok(Row {
            place,
            text,
            outcome,
        }))
    }
}

#[cfg(test)]
mod real_data;
#[cfg(test)]
mod tests;
