//! What the node writes to its log: set up once, before anything else starts.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// What is logged where nothing is said: what happens here in full, of the libraries the troubles.
const DEFAULT: &str = "warn,kentong_node=info,kentong_protocol=info,kentong_keys=info";

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The words say nothing.
    #[error("`{text}` does not say what to log ({why}); write a level, as in log = \"info\"")]
    Filter {
        /// The words.
        text: String,
        /// What is wrong with them.
        why: ParseError,
    },
}

/// Logs to standard error from now on, as `words` say: a level, or a level for each module. A
/// second call changes nothing.
pub fn start(words: Option<&str>) -> Result<(), TelemetryError> {
    let words = words.unwrap_or(DEFAULT);
    let filter = EnvFilter::try_new(words).map_err(|why| TelemetryError::Filter {
        text: words.to_owned(),
        why,
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .finish();
    // It fails only if logging has been set up before, as in a test with several nodes.
    drop(tracing::subscriber::set_global_default(subscriber));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_checked() {
        for (words, good) in [
            (None, true),
            (Some("debug,kentong_node::net=trace"), true),
            (Some("x=loud"), false),
        ] {
            let started = start(words);
            assert_eq!(started.is_ok(), good, "{words:?}");
            if let Err(error) = started {
                assert!(error.to_string().contains("`x=loud`"), "{error}");
            }
        }
    }
}
