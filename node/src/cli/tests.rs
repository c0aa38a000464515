use std::io;

use clap::CommandFactory as _;

use super::*;
use crate::control::reply::Code;

fn read(line: &str) -> Result<Command, String> {
    let words = std::iter::once("kentong").chain(line.split_whitespace());
    Command::read(words.map(OsString::from)).map_err(|usage| usage.0.to_string())
}

#[test]
fn arguments_are_consistent() {
    Command::command().debug_assert();
}

/// The help of a command and of all below it.
fn helps(command: &mut clap::Command, path: &str, all: &mut Vec<(String, String)>) {
    all.push((path.to_owned(), command.render_long_help().to_string()));
    for sub in command.get_subcommands_mut() {
        let path = format!("{path} {}", sub.get_name());
        helps(sub, &path, all);
    }
}

#[test]
fn every_command_has_help() {
    let mut command = Command::command();
    command.build();
    let mut all = Vec::new();
    helps(&mut command, "kentong", &mut all);
    assert!(all.len() > 20, "{}", all.len());
    for (path, help) in all {
        // Each begins with what the command is for, and these speak of the options of others.
        let first = help.lines().next().unwrap();
        assert!(
            first.len() > 10 && !first.starts_with("Usage"),
            "{path}: {first}"
        );
        assert!(!help.contains("No doc comment"), "{path}");
        let simple = [
            "kentong policy check",
            "kentong policy reload",
            "kentong peers add",
            "kentong peers sever",
            "kentong peers unsever",
        ];
        let shows_how = help.contains("Example") || help.contains("\n  kentong");
        assert!(
            shows_how || simple.contains(&path.as_str()),
            "{path}: {help}"
        );
    }
}

fn check(line: &str, says: Option<&str>) {
    match (read(line), says) {
        (Ok(_), None) => {}
        (Err(error), Some(says)) => assert!(error.contains(says), "{line}: {error}"),
        (found, _) => panic!("{line}: {found:?}"),
    }
}

#[test]
fn lines_are_read() {
    check(
        "init --member MY --name x --listen /ip4/127.0.0.1/udp/1/quic-v1",
        None,
    );
    check(
        "init --member MY --passphrase-file p --root-passphrase-fd 4",
        None,
    );
    check(
        "init --member MY --root-passphrase-fd 4 --root-passphrase-file p",
        Some("--root-passphrase-file"),
    );
    check("init", Some("--member"));
    check("init --member my", Some("'my'"));
    check("init --member MY --listen 127.0.0.1:1", Some("127.0.0.1:1"));
    check("card --home x --json", None);
    check(
        "--json --home x card --address /dns/a.example/udp/1/quic-v1",
        None,
    );
    check("run --passphrase secret", Some("--passphrase"));
    check("import a b --map value=x --dry-run --refused r", None);
    check("import a --map x", Some("value=pattern"));
    check("import a --map value=x --columns value", Some("--columns"));
    check("import", Some("FILE"));
    check("add phone 1 --tlp green --scheme loan --to SG,banks", None);
    check("add telephone 1", Some("the kinds are phone"));
    check("add phone 1 --tlp yellow", Some("TLP 2.0"));
    check("withdraw phone 1", Some("--reason"));
    check("query", None);
    check("query x --since 2026-01-31 --count --limit 1 --all", None);
    check("query --since yesterday", Some("2026-01-31"));
    check("show x --kind domain", None);
    check("policy check", None);
    check("policy explain phone 1 --for SG", None);
    check("policy reload", None);
    check("demo --members 11 --exit --share-policy MY=x.cedar", None);
    check("demo --members 1", Some("2..=11"));
    check("demo --members 12", Some("2..=11"));
    check("demo --share-policy MY", Some("MEMBER=FILE"));
    check("feeds", None);
    check("status", None);
    check("stop", None);
    check("", Some("Usage"));
}

#[test]
fn lines_on_who_belongs_are_read() {
    check(
        "charter draft --federation X a.card b.card --group g=MY,SG -o draft",
        None,
    );
    check("charter draft --federation X", Some("FILE.card"));
    check(
        "charter sign draft --root-key k -o out --passphrase-file p",
        None,
    );
    check(
        "charter sign draft --root-key k --passphrase-fd 3 --passphrase-file p",
        Some("--passphrase-file"),
    );
    check("charter sign draft", Some("--root-key"));
    check("charter merge -o charter a b", None);
    check("charter install charter", None);
    check("charter show", None);
    check("charter draft", None);
    check("charter draft a.card", Some("--federation"));
    check(
        "charter draft --admit a.card b.card --remove TH,VN --rekey c --round 2",
        None,
    );
    check(
        "charter draft --federation X a.card --admit b.card",
        Some("--admit"),
    );
    check(
        "charter draft --threshold remove=9 --rename MY=x --expires 2030-01-01",
        None,
    );
    check("charter draft --threshold expel=9", Some("as in remove=9"));
    check("charter diff draft", None);
    check("charter history -o all", None);
    check("charter leave", Some("--root-key"));
    check(
        "charter suspend TH --until 2026-01-31T12:00:00Z --root-key k -o s",
        None,
    );
    check("charter suspend --root-key k", Some("MEMBER"));
    check("peers sever TH", None);
    check("peers unsever TH", None);
    check("peers", None);
    check("peers add", Some("FILE"));
}

#[test]
fn errors_are_told_apart() {
    let refused = |code: Code| {
        let failure = crate::control::reply::Failure {
            code,
            message: "no".into(),
            next: "ask".into(),
        };
        anyhow::Error::from(ClientError::Refused(failure))
    };
    let broken = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
    let other = anyhow::anyhow!("x");
    assert!(is_broken_pipe(&broken) && !is_broken_pipe(&other));
    assert!(is_refusal(&refused(Code::Denied)) && is_refusal(&refused(Code::NotFound)));
    assert!(!is_refusal(&refused(Code::Storage)) && !is_refusal(&other));
    assert_eq!(in_words(&refused(Code::Denied)), "no; ask");
    assert_eq!(in_words(&anyhow::anyhow!("b").context("a")), "a: b");
    assert_eq!(in_words(&anyhow::anyhow!("b").context("a (b)")), "a (b)");
}
