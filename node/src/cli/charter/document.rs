//! The files that members hand each other: charters, several versions of one, or notices; with
//! charters, the member files of those whom they list.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use kentong_protocol::charter::{Chain, UnverifiedCharter, UnverifiedNotice};
use kentong_protocol::directory::{Bundle, Enclosing, MAX_ENCLOSING};

use super::super::workplace::read_foreign;
use super::enclosed::Enclosed;

/// What a file holds.
#[derive(Debug)]
pub(super) enum Document {
    /// One charter or several versions, at least one; and the member files behind them.
    Charters(Vec<UnverifiedCharter>, Enclosed),
    /// A notice.
    Notice(UnverifiedNotice),
}

/// Reads a file that holds charters or a notice.
pub(super) fn read(path: &Path) -> Result<Document> {
    let at =
        |error: &dyn std::fmt::Display| anyhow!("{}: {error}; ask for it again", path.display());
    let bytes = read_foreign(path, MAX_ENCLOSING)?;
    if Bundle::is_meant(&bytes) {
        bail!(
            "{path} is a member file and no charter; `kentong peers add {path}` takes it",
            path = path.display()
        );
    }
    if UnverifiedNotice::is_meant(&bytes) {
        let notice = UnverifiedNotice::parse(&bytes).map_err(|error| at(&error))?;
        return Ok(Document::Notice(notice));
    }
    let Enclosing { charters, bundles } = Enclosing::open(&bytes).map_err(|error| at(&error))?;
    let texts = Chain::documents(charters).map_err(|error| at(&error))?;
    let charters = texts
        .into_iter()
        .map(|text| UnverifiedCharter::parse(text.as_bytes()).map_err(|error| at(&error)));
    let charters = charters.collect::<Result<_>>()?;
    Ok(Document::Charters(charters, Enclosed::new(bundles)))
}

/// Reads a file with all versions of the charter in force.
pub(super) fn chain(path: &Path) -> Result<Chain> {
    let at =
        |error: &dyn std::fmt::Display| anyhow!("{}: {error}; ask for it again", path.display());
    let bytes = read_foreign(path, MAX_ENCLOSING)?;
    let enclosing = Enclosing::open(&bytes).map_err(|error| at(&error))?;
    Chain::parse(enclosing.charters).map_err(|error| at(&error))
}

/// Reads a file that holds one charter, or the newest of several.
pub(super) fn charter(path: &Path) -> Result<UnverifiedCharter> {
    let charter = match read(path)? {
        Document::Charters(mut charters, _) => charters.pop(),
        Document::Notice(_) => None,
    };
    charter.ok_or_else(|| {
        anyhow!(
            "{} is a notice and no charter; see it with `kentong charter show`",
            path.display()
        )
    })
}
