//! The program: reads the command line, does what it says, and says how it went.

use std::io::{self, Write as _};
use std::process::ExitCode;

use kentong_node::cli::{self, Command, Outcome};

/// Something went wrong.
const ERROR: u8 = 2;
/// Nothing was found, or what was asked is refused.
const NOTHING: u8 = 1;

fn main() -> ExitCode {
    let result = match Command::read(std::env::args_os()) {
        Ok(command) => command.run(),
        Err(usage) => return ExitCode::from(usage.show()),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Nothing) => ExitCode::from(NOTHING),
        // The reader of our output has read enough, as `head` does.
        Err(error) if cli::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error gone there is nobody left to tell.
            drop(writeln!(io::stderr(), "kentong: {}", cli::in_words(&error)));
            ExitCode::from(if cli::is_refusal(&error) {
                NOTHING
            } else {
                ERROR
            })
        }
    }
}
