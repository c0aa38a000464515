//! The files that members hand each other: charters, several versions of one, or notices.

use std::path::Path;

use anyhow::{Result, anyhow};
use kentong_protocol::charter::{Chain, MAX_CHAIN, UnverifiedCharter, UnverifiedNotice};

use super::super::workplace::read_foreign;

/// What a file holds.
#[derive(Debug)]
pub(super) enum Document {
    /// One charter or several versions, at least one.
    Charters(Vec<UnverifiedCharter>),
    /// A notice.
    Notice(UnverifiedNotice),
}

/// Reads a file that holds charters or a notice.
pub(super) fn read(path: &Path) -> Result<Document> {
    let at =
        |error: &dyn std::fmt::Display| anyhow!("{}: {error}; ask for it again", path.display());
    let bytes = read_foreign(path, MAX_CHAIN)?;
    if UnverifiedNotice::is_meant(&bytes) {
        let notice = UnverifiedNotice::parse(&bytes).map_err(|error| at(&error))?;
        return Ok(Document::Notice(notice));
    }
    let texts = Chain::documents(&bytes).map_err(|error| at(&error))?;
    let charters = texts
        .into_iter()
        .map(|text| UnverifiedCharter::parse(text.as_bytes()).map_err(|error| at(&error)));
    Ok(Document::Charters(charters.collect::<Result<_>>()?))
}

/// Reads a file that holds one charter, or the newest of several.
pub(super) fn charter(path: &Path) -> Result<UnverifiedCharter> {
    let charter = match read(path)? {
        Document::Charters(mut charters) => charters.pop(),
        Document::Notice(_) => None,
    };
    charter.ok_or_else(|| {
        anyhow!(
            "{} is a notice and no charter; see it with `kentong charter show`",
            path.display()
        )
    })
}
