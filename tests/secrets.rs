//! Secrets stay where they belong: not in logs at their most talkative, not in arguments or
//! environments of processes, not in what commands print, refusals included, not in `Debug`.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use kentong_keys::{EpochKey, Keyring, Passphrase, SealingSecret, SigningKey, StoreKey, read_root};
use kentong_node::control::request::Entry;
use kentong_node::home::Home;
use kentong_node::identity::Identity;
use kentong_protocol::bounded::BoundedText;
use kentong_protocol::indicator::{Assertion, Fields, Local, Tlp};

use crate::support::{Federation, Node, PASSPHRASE, domain, entry};

/// What is searched, with a name for each.
type Haystacks = Vec<(String, Vec<u8>)>;

/// What only the agency may ever see of an indicator.
const NOTE: &str = "an informant in the third office told us";
/// A value whose marking is RED.
const RED: &str = "for-singapore-only.example";

#[test]
fn no_secret_is_logged_printed_or_passed() {
    let mut federation = Federation::new(&["MY", "SG"]);
    for node in &mut federation.nodes {
        let path = node.home.join("config.toml");
        let config = fs::read_to_string(&path).unwrap();
        // In front of the sections.
        write_private(&path, &format!("log = \"trace\"\n{config}"));
        node.start();
    }
    federation.connected();
    let mut seen: Haystacks = Vec::new();
    work(&federation, &mut seen);
    for node in &federation.nodes {
        for part in ["cmdline", "environ"] {
            let path = format!("/proc/{}/{part}", node.pid());
            let Ok(bytes) = fs::read(path) else {
                eprintln!("skipped: no /proc here to read {part} from");
                continue;
            };
            seen.push((format!("{part} of {}", node.member), bytes));
        }
    }
    federation.nodes.iter_mut().for_each(Node::stop);
    for node in &federation.nodes {
        spoilt_keys(node, &mut seen);
        let log = node.log_text().into_bytes();
        seen.push((format!("log of {}", node.member), log));
        seen.push((format!("Debug of {}", node.member), debug(node)));
    }

    let mut secrets = vec![
        ("the passphrase".to_owned(), PASSPHRASE.as_bytes().to_vec()),
        ("a note of the agency".to_owned(), NOTE.as_bytes().to_vec()),
    ];
    for node in &federation.nodes {
        let keyring = keyring(node);
        let slots = keyring.slots().unwrap();
        assert!(slots.len() >= 5, "{slots:?}");
        for slot in slots {
            let secret = keyring.read(slot).unwrap().expose().to_vec();
            secrets.push((format!("{slot} of {}", node.member), secret));
        }
    }
    for (name, secret) in &secrets {
        assert_eq!(found(&seen, secret), Vec::<&str>::new(), "{name}");
    }
    let logs: Vec<_> = seen
        .into_iter()
        .filter(|(name, _)| name.starts_with("log"))
        .collect();
    assert_eq!(found(&logs, RED.as_bytes()), Vec::<&str>::new(), "RED");

    // The same search finds what is there: in the logs what they do say, and a secret in any form.
    assert_eq!(found(&logs, b"connected peer=SG"), ["log of MY"]);
    assert_eq!(
        found(&logs, b"TRACE").len(),
        2,
        "the logs hold all there is"
    );
    for (name, secret) in &secrets {
        for (number, form) in forms(secret).into_iter().enumerate() {
            let planted = [b"a line with ".as_slice(), &form, b" in it"].concat();
            let hay = vec![("planted".to_owned(), planted)];
            assert_eq!(found(&hay, secret), ["planted"], "{name}, form {number}");
        }
    }
}

/// What operators do, right and wrong.
fn work(federation: &Federation, seen: &mut Haystacks) {
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let said = ["--scheme", "phishing", "--tlp", "green"];
    let mut run = |node: &Node, arguments: &[&str]| {
        let output = node.command(arguments);
        let name = format!("`kentong {}` at {}", arguments.join(" "), node.member);
        seen.push((name, [output.stdout, output.stderr].concat()));
    };
    let secret = domain(RED);
    let mut red: Fields = (*entry(&secret, Tlp::Red, &["SG"]).assertion).clone();
    red.local = Some(Local {
        notes: Some(BoundedText::new(NOTE).unwrap()),
        ..Local::default()
    });
    my.assert(vec![Entry {
        value: secret,
        assertion: Assertion::try_from(red).unwrap(),
    }]);
    run(
        my,
        &[&["add", "domain", "shared.example"], &said[..]].concat(),
    );
    sg.until("SG has both", || {
        sg.has(&domain("shared.example")) && sg.feeds().iter().any(|feed| feed.statements == 2)
    });
    for node in [my, sg] {
        run(node, &["query", "shared.example"]);
        run(node, &["show", "shared.example", "--json"]);
        run(node, &["status"]);
        run(node, &["peers"]);
        run(node, &["feeds"]);
        run(node, &["card"]);
        run(node, &["query", "--kind", "phone", "not a number"]);
        run(
            node,
            &["withdraw", "domain", "unknown.example", "--reason", "x"],
        );
    }
    run(
        my,
        &["withdraw", "domain", "shared.example", "--reason", "x"],
    );
}

/// What a node says of keys that do not open.
fn spoilt_keys(node: &Node, seen: &mut Haystacks) {
    let wrong = node.home.join("wrong-passphrase");
    write_private(&wrong, "another passphrase, for tests only");
    let key = node.home.join("keys/store.key");
    let good = fs::read_to_string(&key).unwrap();
    let mut start = |what: &str, passphrase: &Path| {
        let output = node.command(&["run", "--passphrase-file", passphrase.to_str().unwrap()]);
        assert!(!output.status.success(), "{what}");
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.is_empty(), "{what}");
        seen.push((format!("{what} at {}", node.member), said));
    };
    start("a wrong passphrase", &wrong);
    start("no passphrase", Path::new("/nonexistent"));
    let half = &good[..good.len() / 2];
    write_private(&key, half);
    start("half a key", &node.passphrase);
    let at = good.rfind("sealed: ").unwrap() + "sealed: ".len() + 8;
    let changed = if good[at..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    let mut spoilt = good.clone();
    spoilt.replace_range(at..=at, changed);
    write_private(&key, &spoilt);
    start("a changed key", &node.passphrase);
    write_private(&key, &good);
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn passphrase() -> Passphrase {
    Passphrase::new(PASSPHRASE).unwrap()
}

fn keyring(node: &Node) -> Keyring {
    Keyring::open(&node.home.join("keys"), &passphrase()).unwrap()
}

/// How all that holds a secret shows itself to a programmer, and so to logs.
fn debug(node: &Node) -> Vec<u8> {
    let keyring = keyring(node);
    let secret = |slot| keyring.read(slot).unwrap();
    let home = Home::open(&node.home).unwrap();
    let identity = Identity::open(&home, &passphrase()).unwrap();
    let root = read_root(&node.home.join("root.key"), &passphrase()).unwrap();
    let mut text = format!("{:?} {keyring:?} {identity:?} {root:?}", passphrase());
    for slot in keyring.slots().unwrap() {
        text += &format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            secret(slot),
            SigningKey::from_seed(secret(slot)),
            SealingSecret::from_seed(secret(slot)),
            EpochKey::from_secret(secret(slot)),
            StoreKey::from_secret(secret(slot)),
            StoreKey::from_secret(secret(slot)).index_key(),
        );
    }
    text.into_bytes()
}

/// The names of those that hold the secret in any form.
fn found<'a>(hay: &'a Haystacks, secret: &[u8]) -> Vec<&'a str> {
    let forms = forms(secret);
    let holds = |bytes: &[u8]| {
        forms
            .iter()
            .any(|form| bytes.windows(form.len()).any(|window| window == form))
    };
    hay.iter()
        .filter(|(_, bytes)| holds(bytes))
        .map(|(name, _)| name.as_str())
        .collect()
}

/// A secret as it is, in hexadecimal, as lists of numbers, and in base64 at any alignment.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = |upper: bool| -> String {
        let digits = secret.iter().map(|byte| match upper {
            true => format!("{byte:02X}"),
            false => format!("{byte:02x}"),
        });
        digits.collect()
    };
    let list = format!("{secret:?}");
    let mut forms = vec![
        secret.to_vec(),
        hex(false).into_bytes(),
        hex(true).into_bytes(),
        list.trim_matches(['[', ']']).as_bytes().to_vec(),
    ];
    for skipped in 0..3 {
        let whole = (secret.len() - skipped) / 3 * 3;
        let part = &secret[skipped..skipped + whole];
        for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
            forms.push(engine.encode(part).into_bytes());
        }
    }
    forms
}
