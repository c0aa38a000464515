//! A node whose home is gone is made again from a backup: it signs nothing before its readers have said
//! what it signed last, fetches what it had published since then, and goes on without a second history.

use std::fs;
use std::path::{Path, PathBuf};

use kentong_node::control::reply::{Recovery, State};
use kentong_node::control::request::Request;
use kentong_node::log::{Log, Options};
use kentong_protocol::indicator::{Tlp, Value};

use crate::support::{Federation, Node, domain, entry, program};

fn names(range: std::ops::Range<u32>) -> Vec<Value> {
    range
        .map(|n| domain(&format!("host-{n}.example")))
        .collect()
}

fn add_all(node: &Node, values: &[Value], tlp: Tlp, to: &[&str]) {
    let entries = values.iter().map(|value| entry(value, tlp, to));
    node.assert(entries.collect());
}

fn has_all(node: &Node, count: u64) {
    node.until("it has all", || node.count("MY", None) == count);
}

fn all_have(federation: &Federation, names: &[&str], count: u64) {
    names
        .iter()
        .for_each(|name| has_all(federation.node(name), count));
}

fn stop(federation: &mut Federation, names: &[&str]) {
    names
        .iter()
        .for_each(|name| federation.node_mut(name).stop());
}

fn beside(federation: &Federation, name: &str) -> PathBuf {
    federation.node("MY").home.with_file_name(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Backs up MY's home; a root key that lies in it goes to a place of its own.
fn backed_up(federation: &Federation) -> PathBuf {
    let backup = beside(federation, "MY.backup");
    federation.node("MY").run(&["backup", text(&backup)]);
    let my = federation.node("MY");
    fs::copy(my.home.join("root.key"), beside(federation, "MY.root")).unwrap();
    backup
}

/// MY's home is destroyed and made again. It is not started.
fn restore(federation: &mut Federation, backup: &Path) {
    let my = federation.node_mut("MY");
    my.kill();
    fs::remove_dir_all(&my.home).unwrap();
    let secret = my.passphrase.clone();
    my.run(&["restore", text(backup), "--passphrase-file", text(&secret)]);
}

fn recovery(node: &Node) -> Option<Recovery> {
    node.status().recovery
}

fn heard(node: &Node, who: &[&str]) {
    node.until("these have answered", || {
        recovery(node).is_some_and(|recovery| recovery.heard == who)
    });
}

fn goes_on(node: &Node) {
    node.until("it signs again", || recovery(node).is_none());
}

/// Nothing can be said, and nothing is signed.
fn signs_nothing(node: &Node) {
    let entries = vec![entry(&domain("too-early.example"), Tlp::Green, &[])];
    let asserted = Request::Assert {
        entries,
        dry_run: false,
        again: false,
    };
    let withdrawn = Request::Withdraw {
        value: names(3..4).remove(0),
        reason: "a test".into(),
    };
    for request in [asserted, withdrawn] {
        let refused = node.try_ask(request, |_| {}).unwrap_err();
        assert!(refused.contains("signs nothing before"), "{refused}");
    }
    assert!(!node.has(&domain("too-early.example")));
    assert!(!node.home.join("signer.state").exists());
}

/// What readers hold of MY's feeds: the ids with their sizes.
fn of_my(node: &Node) -> Vec<(String, u64)> {
    let feeds = node.feeds().into_iter();
    let of_my = feeds.filter(|feed| feed.publisher == "MY" && feed.audience.len() > 1);
    let mut sizes: Vec<_> = of_my.map(|feed| (feed.id, feed.leaves)).collect();
    sizes.sort();
    sizes
}

fn no_second_history(federation: &Federation) {
    for node in &federation.nodes {
        assert!(!node.home.join("evidence").exists(), "{}", node.member);
        let warnings = node.warnings();
        assert!(!warnings.contains("halted"), "{warnings}");
        assert!(!warnings.contains("two histories"), "{warnings}");
    }
}

#[test]
fn a_restored_node_takes_back_what_it_published_and_forks_nothing() {
    let others = ["ID", "PH", "SG", "TH"];
    let mut federation = Federation::running(&["MY", "ID", "PH", "SG", "TH"]);
    let my = federation.node("MY");
    add_all(my, &names(0..50), Tlp::Green, &[]);
    all_have(&federation, &others, 50);
    let backup = backed_up(&federation);

    // What the backup does not know: more in a feed that it knows, a withdrawal, and another feed.
    let my = federation.node("MY");
    my.withdraw(&names(7..8)[0]);
    add_all(my, &names(50..150), Tlp::Green, &[]);
    add_all(my, &names(150..160), Tlp::AmberStrict, &["TH"]);
    all_have(&federation, &["ID", "PH", "SG"], 149);
    has_all(federation.node("TH"), 159);
    // What others publish meanwhile is sealed to a key that no backup holds.
    let of_sg = ["sg-before.example", "sg-after.example"].map(domain);
    federation.node("SG").add(&of_sg[0], Tlp::Green, &[]);
    let my = federation.node("MY");
    my.until("MY has it", || my.has(&of_sg[0]));
    let signed = of_my(federation.node("TH"));
    stop(&mut federation, &["ID", "PH", "TH"]);
    restore(&mut federation, &backup);
    federation.node("SG").add(&of_sg[1], Tlp::Green, &[]);
    federation.node_mut("MY").start();

    let my = federation.node("MY");
    heard(my, &["SG"]);
    let waits = recovery(my).unwrap().waits;
    let all = waits.iter().find(|wait| wait.silent == ["ID", "PH", "TH"]);
    assert_eq!(all.map(|wait| wait.needed), Some(3), "{waits:?}");
    let said = String::from_utf8(my.run(&["status"]).stdout).unwrap();
    assert!(said.contains("waiting for  3 of 4"), "{said}");
    assert!(said.contains("no answer yet from ID, PH, TH"), "{said}");
    signs_nothing(my);
    federation.node_mut("PH").start();
    heard(federation.node("MY"), &["PH", "SG"]);
    signs_nothing(federation.node("MY"));
    let at_sg = of_my(federation.node("SG"));
    assert!(
        at_sg.iter().all(|feed| signed.contains(feed)),
        "nothing new"
    );

    // Three of four: one may be away for good.
    federation.node_mut("TH").start();
    let my = federation.node("MY");
    goes_on(my);
    assert_eq!(my.count("MY", None), 159);
    assert_eq!(my.about(&names(7..8)[0])[0].state, State::Withdrawn);
    assert!(
        my.has(&names(155..156)[0]),
        "of a feed that the backup lacks"
    );
    let newer = domain("after.example");
    my.add(&newer, Tlp::Green, &[]);
    my.withdraw(&names(100..101)[0]);
    let only_th = domain("only-th.example");
    my.add(&only_th, Tlp::AmberStrict, &["TH"]);
    let th = federation.node("TH");
    th.until("TH has what came after", || {
        th.has(&newer) && th.has(&only_th) && !th.has(&names(100..101)[0])
    });
    // In the same feed where all its readers have answered, which is TH alone; else in a new one.
    let goes_on_in = |feeds: &[(String, u64)], id: &str| feeds.iter().any(|(other, _)| other == id);
    let now = of_my(th);
    assert_eq!(now.len(), signed.len() + 1);
    let same = signed.iter().filter(|feed| now.contains(feed));
    assert_eq!(
        same.count(),
        1,
        "the one for all has ended: {signed:?} {now:?}"
    );
    assert!(signed.iter().all(|(id, _)| goes_on_in(&now, id)));
    federation.node_mut("ID").start();
    let id = federation.node("ID");
    id.until("ID has it too", || id.has(&newer));
    assert_eq!(id.count("MY", None), 149);
    no_second_history(&federation);
    an_ordinary_start_follows(&mut federation, 160);
}

fn an_ordinary_start_follows(federation: &mut Federation, own: u64) {
    federation.node_mut("MY").stop();
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    assert!(recovery(my).is_none());
    assert_eq!(my.count("MY", None), own);
    let last = domain("last.example");
    my.add(&last, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has the last", || sg.has(&last));
    no_second_history(federation);
}

/// Who was severed before the backup cannot be asked, and may hold a head that reached nobody else.
#[test]
fn a_feed_ends_of_which_somebody_cannot_be_asked() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let my = federation.node("MY");
    add_all(my, &names(0..3), Tlp::Green, &[]);
    all_have(&federation, &["SG", "TH"], 3);
    let my = federation.node("MY");
    my.run(&["peers", "sever", "TH"]);
    my.until("TH is let go", || my.status().connected.members == 1);
    let backup = backed_up(&federation);
    restore(&mut federation, &backup);
    federation.node_mut("MY").start();
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    goes_on(my);
    let before = of_my(sg);
    my.withdraw(&names(1..2)[0]);
    sg.until("SG has the withdrawal", || !sg.has(&names(1..2)[0]));
    let after = of_my(sg);
    assert!(before.iter().all(|feed| after.contains(feed)), "{after:?}");
    assert_eq!(after.len(), before.len() + 1);
}

#[test]
fn what_a_late_reader_alone_knows_comes_back_when_it_comes() {
    let mut federation = Federation::running(&["MY", "ID", "PH", "SG", "TH"]);
    let my = federation.node("MY");
    add_all(my, &names(0..20), Tlp::Green, &[]);
    all_have(&federation, &["ID", "PH", "SG", "TH"], 20);
    let backup = backed_up(&federation);
    let my = federation.node("MY");
    add_all(my, &names(20..30), Tlp::AmberStrict, &["TH"]);
    has_all(federation.node("TH"), 30);
    federation.node_mut("TH").stop();
    restore(&mut federation, &backup);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    goes_on(my);
    assert_eq!(my.count("MY", None), 20);
    federation.node_mut("TH").start();
    let my = federation.node("MY");
    my.until("it is back", || my.count("MY", None) == 30);
    // Of a feed that one reader shows, others might hold more: it ends, and another follows.
    let later = domain("later.example");
    my.add(&later, Tlp::AmberStrict, &["TH"]);
    my.withdraw(&names(25..26)[0]);
    let th = federation.node("TH");
    th.until("TH has both", || {
        th.has(&later) && !th.has(&names(25..26)[0])
    });
    federation.node_mut("MY").stop();
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    assert_eq!(my.count("MY", None), 30);
    no_second_history(&federation);
}

#[test]
fn what_reached_one_reader_alone_is_never_contradicted() {
    let mut federation = Federation::running(&["MY", "ID", "PH", "SG", "TH"]);
    let my = federation.node("MY");
    add_all(my, &names(0..20), Tlp::Green, &[]);
    let contested = domain("contested.example");
    my.add(&contested, Tlp::Green, &[]);
    all_have(&federation, &["ID", "PH", "SG", "TH"], 21);
    let backup = backed_up(&federation);
    // The last that MY publishes reaches TH, and nobody else.
    stop(&mut federation, &["ID", "PH", "SG"]);
    let my = federation.node("MY");
    my.add(&contested, Tlp::Clear, &[]);
    my.add(&contested, Tlp::Green, &[]);
    add_all(my, &names(20..30), Tlp::Green, &[]);
    has_all(federation.node("TH"), 31);
    federation.node_mut("TH").stop();
    restore(&mut federation, &backup);
    for name in ["MY", "ID", "PH", "SG"] {
        federation.node_mut(name).start();
    }
    let my = federation.node("MY");
    goes_on(my);
    assert_eq!(my.count("MY", None), 21, "nobody there knows more");
    my.withdraw(&contested);
    let newer = domain("after.example");
    my.add(&newer, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has it", || sg.has(&newer));
    federation.node_mut("TH").start();
    for name in ["MY", "ID", "PH", "SG", "TH"] {
        let node = federation.node(name);
        node.until("all have both", || {
            node.count("MY", None) == 31 && node.has(&newer) && !node.has(&contested)
        });
    }
    // What was said of it before does not overrule what was said when TH was away.
    let th = federation.node("TH");
    assert_eq!(th.about(&contested)[0].state, State::Withdrawn);
    no_second_history(&federation);
}

#[test]
fn the_root_key_lets_a_node_go_on_without_those_who_do_not_come() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let my = federation.node("MY");
    add_all(my, &names(0..20), Tlp::Green, &[]);
    all_have(&federation, &["SG", "TH"], 20);
    let backup = backed_up(&federation);
    let my = federation.node("MY");
    add_all(my, &names(20..40), Tlp::Green, &[]);
    add_all(my, &names(40..45), Tlp::AmberStrict, &["TH"]);
    has_all(federation.node("SG"), 40);
    has_all(federation.node("TH"), 45);
    federation.node_mut("TH").stop();
    restore(&mut federation, &backup);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    heard(my, &["SG"]);
    signs_nothing(my);
    let [draft, signed, root] =
        ["MY.draft", "MY.go-ahead", "MY.root"].map(|name| beside(&federation, name));
    my.run(&["recover", "draft", "-o", text(&draft)]);
    let sign = |root: &Path| {
        let secret = text(&my.passphrase);
        let (draft, signed) = (text(&draft), text(&signed));
        let words = [
            "recover",
            "sign",
            draft,
            "--root-key",
            text(root),
            "-o",
            signed,
        ];
        my.command(&[&words[..], &["--passphrase-file", secret]].concat())
    };
    // Another's root key does not serve, nor another recovery's go-ahead, nor an unsigned draft.
    let of_sg = federation.node("SG").home.join("root.key");
    assert!(!sign(&of_sg).status.success());
    let install = |file: &Path| my.command(&["recover", "install", text(file)]);
    assert!(!install(&draft).status.success());
    let mine = fs::read_to_string(&draft).unwrap();
    let id = recovery(my).unwrap().id.unwrap();
    fs::write(&draft, mine.replace(&id, &"0".repeat(32))).unwrap();
    assert!(sign(&root).status.success());
    let refused = String::from_utf8(install(&signed).stderr).unwrap();
    assert!(
        refused.contains("the go-ahead is for recovery 0000"),
        "{refused}"
    );
    signs_nothing(my);

    fs::write(&draft, mine).unwrap();
    assert!(sign(&root).status.success());
    my.until("what SG showed is back", || {
        recovery(my).is_some_and(|recovery| recovery.to_come.is_empty())
    });
    assert!(install(&signed).status.success());
    goes_on(my);
    assert!(!install(&signed).status.success(), "it serves once");
    assert!(my.warnings().contains("go-ahead"));
    assert_eq!(my.count("MY", None), 40);
    let newer = domain("after.example");
    my.add(&newer, Tlp::Green, &[]);
    my.withdraw(&names(30..31)[0]);
    let sg = federation.node("SG");
    sg.until("SG has both", || {
        sg.has(&newer) && !sg.has(&names(30..31)[0])
    });

    // TH was not lost for good. What it alone held comes back, and no feed has two histories.
    federation.node_mut("TH").start();
    let (my, th) = (federation.node("MY"), federation.node("TH"));
    th.until("TH has both", || {
        th.has(&newer) && !th.has(&names(30..31)[0])
    });
    my.until("what TH alone held is back", || my.count("MY", None) == 45);
    no_second_history(&federation);
    nothing_is_said_again_and_again(&federation);
    an_ordinary_start_follows(&mut federation, 47);
}

/// Because its old feed never had it.
fn nothing_is_said_again_and_again(federation: &Federation) {
    let my = federation.node("MY");
    let lengths = |node: &Node| of_my(node).iter().map(|(_, leaves)| leaves).sum::<u64>();
    let sg = federation.node("SG");
    let all_released = || my.status().to_release == 0;
    my.until("all is looked through", all_released);
    let marked = |nth: u32| {
        let mark = domain(&format!("mark-{nth}.example"));
        my.add(&mark, Tlp::Green, &[]);
        sg.until("SG has the mark", || sg.has(&mark));
        lengths(sg)
    };
    let before = marked(1);
    my.run(&["policy", "reload"]);
    my.until("all is looked through", all_released);
    assert_eq!(marked(2), before + 1, "one batch more");
}

#[test]
fn a_backup_of_a_busy_node_is_whole() {
    let federation = Federation::running(&["MY", "SG"]);
    let list: String = (0..30_000).map(|n| format!("busy-{n}.example\n")).collect();
    let list = federation.file("list.txt", &list);
    let my = federation.node("MY");
    let said = ["--scheme", "phishing", "--tlp", "green"];
    let sizes = std::thread::scope(|scope| {
        let import = scope.spawn(|| my.run(&[&["import", text(&list)][..], &said].concat()));
        let mut sizes = Vec::new();
        while !import.is_finished() || sizes.len() < 2 {
            let backup = beside(&federation, &format!("{}.backup", sizes.len()));
            my.run(&["backup", text(&backup)]);
            sizes.push(backup.metadata().unwrap().len());
        }
        import.join().unwrap();
        sizes
    });
    assert!(
        sizes.is_sorted() && sizes.first() < sizes.last(),
        "{sizes:?}"
    );
    for nth in 0..sizes.len() {
        let (backup, home) = (
            beside(&federation, &format!("{nth}.backup")),
            beside(&federation, &format!("{nth}.home")),
        );
        let secret = text(&my.passphrase);
        let restored = std::process::Command::new(program())
            .args(["restore", text(&backup), "--home", text(&home)])
            .args(["--passphrase-file", secret])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&restored.stderr);
        assert!(restored.status.success(), "{said}");
        // It ends where a group of records ends.
        let (_, recovery) = Log::open(&home.join("log"), Options::default()).unwrap();
        assert_eq!(recovery.cut_bytes, 0, "backup {nth}");
    }
}

/// MY and SG, and what MY has signed before and after its signer state was copied.
fn with_older_signer_state() -> (Federation, Vec<u8>) {
    let mut federation = Federation::running(&["MY", "SG"]);
    let my = federation.node("MY");
    add_all(my, &names(0..10), Tlp::Green, &[]);
    has_all(federation.node("SG"), 10);
    let older = fs::read(federation.node("MY").home.join("signer.state")).unwrap();
    add_all(federation.node("MY"), &names(10..20), Tlp::Green, &[]);
    has_all(federation.node("SG"), 20);
    stop(&mut federation, &["MY", "SG"]);
    (federation, older)
}

#[test]
fn a_signer_state_that_is_lost_or_older_than_the_log_is_not_gone_by() {
    let (mut federation, older) = with_older_signer_state();
    let state = federation.node("MY").home.join("signer.state");
    let damaged = [&older[..older.len() - 1], &[!older[older.len() - 1]]].concat();
    for (round, put) in [None, Some(&damaged), Some(&older)].into_iter().enumerate() {
        match put {
            None => fs::remove_file(&state).unwrap(),
            Some(bytes) => fs::write(&state, bytes).unwrap(),
        }
        let before = of_all(&mut federation, round);
        federation.node_mut("SG").start();
        let my = federation.node("MY");
        goes_on(my);
        assert_eq!(my.count("MY", None), 20 + round as u64);
        let next = domain(&format!("next-{round}.example"));
        my.add(&next, Tlp::Green, &[]);
        let sg = federation.node("SG");
        sg.until("SG has the next", || sg.has(&next));
        assert_eq!(of_my(sg).len(), 1, "it goes on in the same feed");
        assert!(of_my(sg)[0].1 > before);
        no_second_history(&federation);
        stop(&mut federation, &["MY", "SG"]);
    }
}

/// MY starts alone, and says nothing. Answers how long its shared feed is.
fn of_all(federation: &mut Federation, round: usize) -> u64 {
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    let waits = recovery(my).unwrap_or_else(|| panic!("round {round}: it believes what is there"));
    assert_eq!(waits.waits[0].silent, ["SG"]);
    let entries = vec![entry(&domain("too-early.example"), Tlp::Green, &[])];
    let request = Request::Assert {
        entries,
        dry_run: false,
        again: false,
    };
    my.try_ask(request, |_| {}).unwrap_err();
    of_my(my)[0].1
}

#[test]
fn a_backup_holds_neither_signer_state_nor_sealing_secret() {
    let federation = Federation::running(&["MY", "SG"]);
    let my = federation.node("MY");
    add_all(my, &names(0..10), Tlp::Green, &[]);
    let backup = fs::read(backed_up(&federation)).unwrap();
    let holds = |path: &str| {
        let file = fs::read(my.home.join(path)).unwrap();
        assert!(file.len() > 40, "{path} is worth looking for");
        backup.windows(file.len()).any(|window| window == file)
    };
    // What is looked for would be found.
    for path in [
        "keys/signing.key",
        "keys/store.key",
        "keys/keyring.kdf",
        "charter.txt",
        "members/SG.card",
    ] {
        assert!(holds(path), "{path}");
    }
    let keys = fs::read_dir(my.home.join("keys")).unwrap();
    let keys = keys.map(|key| key.unwrap().file_name().into_string().unwrap());
    let sealing: Vec<_> = keys.filter(|key| key.starts_with("sealing")).collect();
    assert_eq!(sealing.len(), 1, "{sealing:?}");
    let sealing = format!("keys/{}", sealing[0]);
    for path in ["signer.state", &sealing, "root.key"] {
        assert!(!holds(path), "{path}");
    }
}

#[test]
fn a_backup_that_is_cut_off_or_damaged_makes_no_home() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let my = federation.node("MY");
    add_all(my, &names(0..10), Tlp::Green, &[]);
    let backup = backed_up(&federation);
    let my = federation.node("MY");
    let again = my.command(&["backup", text(&backup)]);
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.contains("--replace"), "{said}");
    my.run(&["backup", "--replace", text(&backup)]);
    federation.node_mut("MY").stop();
    // Nor does it need a running node.
    let my = federation.node("MY");
    my.run(&["backup", "--replace", text(&backup)]);
    let good = fs::read(&backup).unwrap();
    fs::rename(&my.home, beside(&federation, "MY.gone")).unwrap();
    let before = fs::read_dir(my.home.parent().unwrap()).unwrap().count();
    let bad = beside(&federation, "MY.bad");
    let secret = text(&my.passphrase);
    let mut flipped = good.clone();
    flipped[700] ^= 1;
    for (bytes, says) in [
        (&good[..good.len() / 2], "is cut off"),
        (&flipped[..], "is damaged: log/00000001.seg, at byte 0"),
        (b"noise", "is not a backup"),
    ] {
        fs::write(&bad, bytes).unwrap();
        let refused = my.command(&["restore", text(&bad), "--passphrase-file", secret]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
        fs::remove_file(&bad).unwrap();
        let now = fs::read_dir(my.home.parent().unwrap()).unwrap().count();
        assert_eq!(now, before, "nothing half made is left");
    }
    my.run(&["restore", text(&backup), "--passphrase-file", secret]);
    let onto = my.command(&["restore", text(&backup), "--passphrase-file", secret]);
    let said = String::from_utf8(onto.stderr).unwrap();
    assert!(said.contains("is there already"), "{said}");
}
