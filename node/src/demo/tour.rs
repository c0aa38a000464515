//! The tour: what went where, what did not and why, and how long it took.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use kentong_protocol::indicator::{Assertion, Reading};
use kentong_protocol::indicator::{Confidence, Fields, Kind, Scheme, Tlp, Value};

use crate::control::reply::{Indicator, Release, Reply, Verdict};
use crate::control::request::{Entry, Query, Request};

use super::expect::{self, Expected};
use super::federation::{Federation, Node, PATIENCE, wait, wait_until};
use super::{print, samples};

/// The value that the tour adds while one watches.
const FRESH: &str = "just-now.example";

/// Says what happens and remembers what went wrong.
#[derive(Debug, Default)]
pub(super) struct Tour {
    wrong: Vec<String>,
}

impl Tour {
    pub(super) fn say(&self, text: &str) {
        print(text);
    }

    /// What was not as it should be.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong.clone()
    }

    /// The whole tour. The federation goes on running until it is dropped.
    pub(super) fn go(
        &mut self,
        mut federation: Federation,
        share_policy: Option<&(String, PathBuf)>,
    ) -> Result<Federation> {
        let charter = federation.charter()?;
        self.say(&format!(
            "1. Every member has keys and a home of its own and has signed the charter\n   {}.",
            charter.display()
        ));
        if let Some((member, file)) = share_policy {
            let to = federation
                .node(member)?
                .home
                .join("policy")
                .join("share.cedar");
            fs::copy(file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
            self.say(&format!(
                "   {member} shares by {} instead.",
                file.display()
            ));
        }
        let begun = Instant::now();
        federation.start()?;
        self.say(&format!(
            "2. {} nodes run and are connected to each other, after {}. No server is between them.",
            federation.nodes.len(),
            shown(begun.elapsed())
        ));
        let members: Vec<&'static str> = federation.nodes.iter().map(|node| node.member).collect();
        let expected = expect::all(&members)?;
        self.import(&federation)?;
        self.arrivals(&federation, &expected)?;
        self.reasons(&federation, &expected)?;
        self.fresh(&federation)?;
        Ok(federation)
    }

    fn import(&self, federation: &Federation) -> Result<()> {
        let folder = federation.dir.join("samples");
        fs::create_dir_all(&folder)?;
        for node in &federation.nodes {
            let samples = samples::ALL
                .iter()
                .find(|samples| samples.member == node.member);
            let samples = samples.with_context(|| format!("no samples for {}", node.member))?;
            let file = folder.join(format!("{}.csv", node.member.to_lowercase()));
            fs::write(&file, samples.csv)?;
            let import = &["import", &file.to_string_lossy()];
            federation.run(&node.home, import, &["--scheme", "other", "--tlp", "green"])?;
        }
        self.say("3. Each has imported samples of its own (synthetic: they name nobody).\n");
        Ok(())
    }

    /// Waits until every member has what it should have, then compares: no less and no more.
    fn arrivals(&mut self, federation: &Federation, expected: &[Expected]) -> Result<()> {
        let begun = Instant::now();
        let end = begun + PATIENCE;
        for node in &federation.nodes {
            let due: Vec<_> = expected
                .iter()
                .filter(|one| one.readers.contains(node.member))
                .collect();
            // What does not come in time is named below, one by one.
            let waited = wait_until(end, "it has not come", || {
                Ok(node.has_all(&due)?.then_some(()))
            });
            if waited.is_err() {
                self.wrong.push(format!(
                    "{} did not get all that it should have",
                    node.member
                ));
            }
        }
        let took = begun.elapsed();
        self.say(&format!(
            "4. What went where ({} after the last import):\n",
            shown(took)
        ));
        self.table(federation, expected)?;
        for node in &federation.nodes {
            for one in expected.iter().filter(|one| one.publisher != node.member) {
                let held = node.has(&one.value, one.publisher)?;
                let due = one.readers.contains(node.member);
                if held != due {
                    let how = if due {
                        "should have"
                    } else {
                        "should not have"
                    };
                    self.wrong
                        .push(format!("{} {how} {}", node.member, named(one)));
                }
            }
            // RED is shown one at a time only, so lists leave it out.
            let due = |one: &&Expected| {
                one.readers.contains(node.member) && one.assertion.tlp != Tlp::Red
            };
            let due = expected.iter().filter(due).count();
            let held = node.others()?.len();
            if held != due {
                let member = node.member;
                self.wrong.push(format!(
                    "{member} lists {held} of others' indicators, not {due}"
                ));
            }
        }
        Ok(())
    }

    /// Who holds how many indicators of whom: rows publish, columns hold.
    fn table(&self, federation: &Federation, expected: &[Expected]) -> Result<()> {
        let mut counts: BTreeMap<(&str, String), u64> = BTreeMap::new();
        for node in &federation.nodes {
            for one in expected.iter().filter(|one| one.publisher != node.member) {
                if node.has(&one.value, one.publisher)? {
                    *counts
                        .entry((node.member, one.publisher.to_owned()))
                        .or_default() += 1;
                }
            }
        }
        let mut head = "   published by  in all  held by".to_owned();
        for node in &federation.nodes {
            head.push_str(&format!("{:>6}", node.member));
        }
        self.say(&head);
        for publisher in &federation.nodes {
            let all = expected
                .iter()
                .filter(|one| one.publisher == publisher.member)
                .count();
            let mut line = format!("   {:<12}  {all:>6}         ", publisher.member);
            for node in &federation.nodes {
                if node.member == publisher.member {
                    line.push_str("     -");
                } else {
                    let key = (node.member, publisher.member.to_owned());
                    let count = counts.get(&key).copied().unwrap_or(0);
                    line.push_str(&format!("{count:>6}"));
                }
            }
            self.say(&line);
        }
        self.say("");
        Ok(())
    }

    /// For one indicator of each marking: who has it, who not, and which line decided.
    fn reasons(&mut self, federation: &Federation, expected: &[Expected]) -> Result<()> {
        self.say("5. Why, for one indicator of each marking:\n");
        let Some(first) = federation.nodes.first() else {
            return Ok(());
        };
        for tlp in Tlp::ALL {
            let of = |one: &&Expected| one.publisher == first.member && one.assertion.tlp == tlp;
            let Some(one) = expected.iter().find(of) else {
                continue;
            };
            let marking = tlp.as_str().to_uppercase();
            self.say(&format!(
                "   TLP:{marking} {} of {}",
                one.value.as_str(),
                one.publisher
            ));
            for verdict in first.explain(&one.value)? {
                let Verdict {
                    member,
                    outcome,
                    because,
                } = verdict;
                self.say(&format!("      {member}: {because}"));
                let due = one.readers.contains(member.as_str());
                if due != (outcome == Release::Released) {
                    self.wrong
                        .push(format!("{} is {outcome} for {member}", named(one)));
                }
                let there = federation.node(&member)?.has(&one.value, first.member)?;
                if there != due {
                    self.wrong
                        .push(format!("{member}: has {}: {there}, not {due}", named(one)));
                }
            }
        }
        self.say("");
        Ok(())
    }

    /// Adds and withdraws one indicator while the clock runs.
    fn fresh(&mut self, federation: &Federation) -> Result<()> {
        let Some((first, others)) = federation.nodes.split_first() else {
            return Ok(());
        };
        let value = Value::parse(Kind::Domain, FRESH, &Reading::default())?;
        let confidence = Confidence::try_from(90)?;
        let draft = Fields::new(Scheme::Phishing, confidence, Tlp::Green);
        let entry = Entry {
            value: value.clone(),
            assertion: Assertion::try_from(draft)?,
        };
        let begun = Instant::now();
        first.ask(
            Request::Assert {
                entries: vec![entry],
                dry_run: false,
                again: false,
            },
            |_| {},
        )?;
        let durable = begun.elapsed();
        let mut times = Vec::new();
        for node in others {
            self.until(node, &value, first.member, true)?;
            times.push(begun.elapsed());
        }
        let last = times.last().copied().unwrap_or_default();
        self.say(&format!(
            "6. {} added {FRESH}: on its disk after {}, found by a query at all others after {}.",
            first.member,
            shown(durable),
            shown(last)
        ));
        let reason = "only shown in the demo".to_owned();
        let begun = Instant::now();
        first.ask(
            Request::Withdraw {
                value: value.clone(),
                reason,
            },
            |_| {},
        )?;
        for node in others {
            self.until(node, &value, first.member, false)?;
        }
        self.say(&format!(
            "7. {} withdrew it: in force nowhere after {}.\n",
            first.member,
            shown(begun.elapsed())
        ));
        Ok(())
    }

    fn until(&mut self, node: &Node, value: &Value, publisher: &str, there: bool) -> Result<()> {
        let look = || Ok((node.has(value, publisher)? == there).then_some(()));
        if wait("it has not happened", look).is_err() {
            let what = if there { "did not get" } else { "still has" };
            self.wrong
                .push(format!("{} {what} {}", node.member, value.as_str()));
        }
        Ok(())
    }

    /// What to try next.
    pub(super) fn farewell(&self, federation: &Federation) {
        let [first, second, ..] = federation.nodes.as_slice() else {
            return;
        };
        let home = |node: &Node| format!("--home {}", node.home.display());
        self.say(
            "All of this was checked on the nodes. They go on running; try, in another window:\n",
        );
        let program = std::env::current_exe().unwrap_or_default();
        let program = program.display();
        for command in [
            format!("query {} {}", samples::SHARED_DOMAIN, home(second)),
            format!(
                "add domain scam.example --scheme phishing --tlp green {}",
                home(first)
            ),
            format!("query scam.example {}", home(second)),
            format!(
                "withdraw domain scam.example --reason 'a mistake' {}",
                home(first)
            ),
            format!("peers {}", home(first)),
            format!("feeds {}", home(first)),
        ] {
            self.say(&format!("   {program} {command}"));
        }
        self.say("\nCtrl-C stops the nodes. Their homes stay; delete them when you are done:");
        self.say(&format!("   rm -r {}", federation.dir.display()));
    }
}

impl Node {
    /// What this node holds in force of other members.
    fn others(&self) -> Result<Vec<Indicator>> {
        let mut rows = Vec::new();
        let query = Query {
            limit: u64::MAX,
            ..Query::default()
        };
        self.ask(Request::Query(query), |row| {
            if let Reply::Indicator(row) = row
                && row.publisher != self.member
            {
                rows.push(*row);
            }
        })?;
        Ok(rows)
    }

    /// Whether it has all of these, asked for at once as far as policy lets them be listed.
    fn has_all(&self, due: &[&Expected]) -> Result<bool> {
        let listed = due
            .iter()
            .filter(|one| one.assertion.tlp != Tlp::Red)
            .count();
        if self.others()?.len() < listed {
            return Ok(false);
        }
        for one in due {
            if !self.has(&one.value, one.publisher)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has(&self, value: &Value, publisher: &str) -> Result<bool> {
        let values = vec![value.clone()];
        let query = Query {
            values,
            limit: u64::MAX,
            ..Query::default()
        };
        let mut has = false;
        self.ask(Request::Query(query), |row| {
            if let Reply::Indicator(row) = row {
                has |= row.publisher == publisher && row.matched.is_none();
            }
        })?;
        Ok(has)
    }

    fn explain(&self, value: &Value) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        let request = Request::Explain {
            value: value.clone(),
            draft: None,
            member: None,
        };
        self.ask(request, |row| {
            if let Reply::Verdict(verdict) = row {
                verdicts.push(verdict);
            }
        })?;
        Ok(verdicts)
    }
}

fn named(one: &Expected) -> String {
    format!(
        "{} {} of {}",
        one.value.kind(),
        one.value.as_str(),
        one.publisher
    )
}

fn shown(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 1000.0 {
        format!("{millis:.1} ms")
    } else {
        format!("{:.1} s", millis / 1000.0)
    }
}
