//! A whole federation on one machine, to look around in.
//!
//! Real processes with homes of their own, a charter that all of them sign, and samples that this
//! project ships. The tour says in plain words what goes where, and checks all that it says on the
//! nodes that it speaks of. What should go where is worked out from the samples' markings alone,
//! by `expect`, and not from the policies that decide it.

mod expect;
mod federation;
pub mod samples;
mod tour;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::net;

use self::federation::Federation;
use self::tour::Tour;

/// The members, in the order in which a smaller demo takes them.
const MEMBERS: [(&str, &str); 11] = [
    ("MY", "Malaysia"),
    ("SG", "Singapore"),
    ("TH", "Thailand"),
    ("PH", "Philippines"),
    ("VN", "Viet Nam"),
    ("ID", "Indonesia"),
    ("KH", "Cambodia"),
    ("LA", "Laos"),
    ("MM", "Myanmar"),
    ("BN", "Brunei"),
    ("TL", "Timor-Leste"),
];

/// What kind of demo.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many members; 2 to 11.
    pub members: u8,
    /// End after the tour; the error says what was not as it should be.
    pub exit: bool,
    /// Where the homes go; a new folder among the temporary files if none is given.
    pub dir: Option<PathBuf>,
    /// A share policy in place of the default one, for one member: its name and a file.
    pub share_policy: Option<(String, PathBuf)>,
}

/// Runs a demo until Ctrl-C, or with `exit` until the end of the tour.
pub fn run(options: &Options) -> Result<()> {
    let count = usize::from(options.members);
    let Some(members) = MEMBERS.get(..count).filter(|members| members.len() > 1) else {
        bail!(
            "a demo has 2 to {} members; give another --members",
            MEMBERS.len()
        );
    };
    // Before any home is made: its node would refuse to start.
    net::refuse_key_logging(std::env::var_os(net::KEY_LOG_VARIABLE).as_deref())?;
    let dir = options.dir.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("kentong-demo-{}", std::process::id()))
    });
    if dir.exists() {
        bail!(
            "{} is there already; remove it, or name another folder with --dir",
            dir.display()
        );
    }
    let interrupt = interrupts()?;
    let mut tour = Tour::default();
    tour.say(&format!(
        "A federation of {count} members, each with a node of its own.\n"
    ));
    let federation = Federation::create(dir, members)?;
    let result = tour.go(federation, options.share_policy.as_ref());
    let wrong = match result {
        Ok(ref federation) if !options.exit => {
            tour.farewell(federation);
            // A closed channel means that signals cannot be waited for: end at once.
            interrupt.recv().ok();
            tour.wrong()
        }
        Ok(_) => tour.wrong(),
        Err(error) => return Err(error),
    };
    drop(result);
    if wrong.is_empty() {
        return Ok(());
    }
    let mut text = format!("{} things were not as they should be:", wrong.len());
    for one in wrong {
        text.push_str("\n  - ");
        text.push_str(&one);
    }
    bail!("{text}\nsee node.log in each home")
}

/// Ctrl-C and the wish to end, as a message. It must be watched for before any node is started, so
/// that none outlives the demo.
fn interrupts() -> Result<std::sync::mpsc::Receiver<()>> {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(async {
                use tokio::signal::unix::{SignalKind, signal};
                let (Ok(mut int), Ok(mut term)) = (
                    signal(SignalKind::interrupt()),
                    signal(SignalKind::terminate()),
                ) else {
                    return;
                };
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                }
            });
            tell.send(()).ok();
        })?;
    Ok(told)
}

/// Prints a line of the tour. A closed standard output ends nothing.
fn print(text: &str) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}
