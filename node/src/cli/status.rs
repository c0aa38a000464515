//! `kentong status`.

use anyhow::{Result, bail};
use clap::Args;

use super::Outcome;
use super::output::plain;
use super::workplace::Workplace;
use crate::control::reply::{Connected, Recovery, Reply, Status, Wait, Warning};
use crate::control::request::Request;

/// Show the node's status
///
/// Whether it runs, with whom it is connected, what it holds, and what needs a person.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong status")]
pub(super) struct StatusArgs {}

impl StatusArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (rows, done) = place.ask(Request::Status)?;
        if place.json() {
            place.emit_all(&rows, done)?;
            return Ok(Outcome::Done);
        }
        let Some(Reply::Status(status)) = rows.first() else {
            bail!("the node did not say how it is; is it of the same release as this program?");
        };
        place.say(describe(status))?;
        Ok(Outcome::Done)
    }
}

fn describe(status: &Status) -> String {
    let federation = match (&status.federation, status.charter_version) {
        (Some(name), Some(version)) => format!("{name}, charter version {version}"),
        (Some(name), None) => name.clone(),
        (None, _) => "none: no charter is installed".to_owned(),
    };
    let listening = match status.listening.as_slice() {
        [] => "nowhere: it calls others and cannot be called".to_owned(),
        addresses => addresses.join(" "),
    };
    let Connected { members, others } = status.connected;
    let mut lines = vec![
        format!("{} runs, Kentong {}", status.member, status.version),
        format!(
            "  process      {}, for {}",
            status.pid,
            lasting(status.uptime)
        ),
        format!("  federation   {}", plain(&federation)),
        format!("  listening    {}", plain(&listening)),
        format!("  connected    {members} of {others} other members"),
        format!(
            "  indicators   {} own, {} received, in {} feeds",
            status.own, status.received, status.feeds
        ),
        format!("  to release   {}", status.to_release),
        format!("  to come      {}", status.missing),
        format!("  log          {}", mebibytes(status.log_bytes)),
        format!("  memory       {}", mebibytes(status.memory)),
    ];
    if let Some(recovery) = &status.recovery {
        lines.extend(recovering(recovery));
    }
    lines.extend(status.warnings.iter().map(warning));
    lines.join("\n")
}

/// For whom a node waits that does not know what it signed last.
fn recovering(recovery: &Recovery) -> Vec<String> {
    let list = |names: &[String]| match names {
        [] => "nobody".to_owned(),
        names => plain(&names.join(", ")),
    };
    let mut lines = vec![
        format!(
            "! recovering: nothing of our own is signed before readers have said what they hold ({})",
            plain(&recovery.why)
        ),
        format!("  answered     {}", list(&recovery.heard)),
    ];
    for Wait {
        feeds,
        needed,
        heard,
        silent,
    } in &recovery.waits
    {
        let what = match feeds.as_slice() {
            [] => "members to say which of our feeds they hold".to_owned(),
            [feed] => format!("readers of feed {}", short(feed)),
            [feed, more @ ..] => format!("readers of feed {} and {} more", short(feed), more.len()),
        };
        lines.push(format!(
            "  waiting for  {} of {} {what}; no answer yet from {}",
            needed,
            heard.len() + silent.len(),
            list(silent)
        ));
    }
    for come in &recovery.to_come {
        lines.push(format!(
            "  to come      feed {}: {} of {} leaves, {} bodies, {} to open; shown by {}",
            short(&come.feed),
            come.leaves,
            come.shown,
            come.missing,
            come.unopened,
            list(&come.by)
        ));
    }
    if recovery.id.is_none() {
        lines.push(format!("  to store     {} batches", recovery.to_take_in));
        return lines;
    }
    lines.push(
        "  Next: bring those who have not answered online, and see `kentong peers` why they are not \
         connected; or override them with the root key, see `kentong recover --help`"
            .to_owned(),
    );
    lines
}

fn short(feed: &str) -> String {
    feed.chars().take(8).collect()
}

fn warning(warning: &Warning) -> String {
    let Warning {
        text,
        since,
        last,
        times,
    } = warning;
    let when = match times {
        1 => since.clone(),
        _ => format!("{times} times from {since} to {last}"),
    };
    format!("! {} ({})", plain(text), plain(&when))
}

fn lasting(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::reply::ToCome;

    #[test]
    fn for_whom_a_restored_node_waits() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let feed = |digit: &str| digit.repeat(64);
        let lines = recovering(&Recovery {
            id: Some("00".repeat(16)),
            federation: None,
            why: "the signer state is missing".into(),
            heard: names(&["SG"]),
            waits: vec![
                Wait {
                    feeds: Vec::new(),
                    needed: 3,
                    heard: names(&["SG"]),
                    silent: names(&["ID", "PH", "TH"]),
                },
                Wait {
                    feeds: vec![feed("a"), feed("b")],
                    needed: 1,
                    heard: Vec::new(),
                    silent: names(&["TH"]),
                },
            ],
            to_come: vec![ToCome {
                feed: feed("c"),
                leaves: 2,
                shown: 9,
                by: names(&["SG"]),
                missing: 1,
                unopened: 0,
            }],
            to_take_in: 0,
        });
        let text = lines.join("\n");
        for said in [
            "! recovering: nothing of our own is signed before readers have said what they hold (the \
             signer state is missing)",
            "  answered     SG\n",
            "  waiting for  3 of 4 members to say which of our feeds they hold; no answer yet from ID, PH, TH",
            "  waiting for  1 of 1 readers of feed aaaaaaaa and 1 more; no answer yet from TH",
            "  to come      feed cccccccc: 2 of 9 leaves, 1 bodies, 0 to open; shown by SG",
            "kentong recover --help",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
    }

    #[test]
    fn sizes_and_times() {
        for (seconds, shown) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_661, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(lasting(seconds), shown);
        }
        assert_eq!(
            (mebibytes(0), mebibytes(1_677_722)),
            ("0.0 MiB".into(), "1.6 MiB".into())
        );
    }
}
