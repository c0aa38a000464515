//! In words for an operator: why no heads can be named for a next warrant.

use kentong_keys::Warrant;
use kentong_protocol::member::FrozenError;

/// What is wrong, and what to do next.
pub(crate) fn in_words(error: &FrozenError) -> String {
    match error {
        FrozenError::Unknown => {
            "this home does not know what it signed last, as after a restore: whatever its readers hold \
             beyond would be void for good. Run the node until `kentong status` says that all is back, stop \
             it, and draft then. If its keys are let in nowhere any more, name with --heads what the readers \
             hold (`kentong peers heads`); or give up what is not here with --as-held"
                .to_owned()
        }
        FrozenError::Behind(feeds) => format!(
            "this home lacks leaves of {feeds} of its own feeds that were signed: they would be void for good. \
             Run the node until `kentong status` says that all is back, stop it, and draft then. If its \
             keys are let in nowhere any more, name with --heads what the readers hold (`kentong peers heads`); \
             or give them up with --as-held"
        ),
        FrozenError::Other(feed) => format!(
            "feed {feed} is another one than was signed: the home is damaged; restore it from its backup"
        ),
        FrozenError::TwoHistories(feed) => format!(
            "feed {feed}: two histories were signed under the former key; leave out the file that holds the \
             wrong one, and ask that reader"
        ),
        FrozenError::TooMany(feeds) => format!(
            "this node has {feeds} feeds, and a warrant names at most {}; tell the developers",
            Warrant::MAX_HEADS
        ),
    }
}
