//! What a publisher erases is gone from the files of every reader, and nothing else is.
//!
//! Every search is made before the erasure too, where it must hit.

use std::fs;
use std::path::PathBuf;

use kentong_keys::Digest;
use kentong_node::control::reply::{Reply, State, There, Told};
use kentong_node::control::request::{Request, Which};
use kentong_node::log::{Log, Options, Payload, Position, RecordKind};
use kentong_protocol::feed::{EraseReason, FeedId};
use kentong_protocol::indicator::{Tlp, Value};

use crate::support::{Federation, Node, domain, entry};

/// How long the pieces are that are looked for: of ciphertext, none lies anywhere by chance.
const PIECE: usize = 32;

/// The sealed bodies that carry an indicator, by the feeds and indexes in which it stands.
fn bodies_of(node: &Node, places: &[(String, u64)]) -> Vec<Vec<u8>> {
    let (log, _) = Log::open(&node.home.join("log"), Options::default()).unwrap();
    let records = log.scan(Position::START).map(|read| read.unwrap().1);
    let bodies = records.filter(|record| {
        let at = (record.key.feed.to_string(), record.key.index);
        record.kind == RecordKind::Body && places.contains(&at)
    });
    let held = bodies.filter_map(|record| match record.payload {
        Payload::Held(bytes) => Some(bytes),
        Payload::Erased => None,
    });
    held.collect()
}

/// The files of a home in which a piece of one of these bodies lies: any piece, at any place, as it is
/// and as hexadecimal digits.
fn files_with(node: &Node, bodies: &[Vec<u8>]) -> Vec<PathBuf> {
    let mut pieces = std::collections::HashSet::new();
    for body in bodies {
        assert!(body.len() >= 1024, "a body is padded");
        for piece in body.chunks_exact(PIECE) {
            pieces.insert(piece.to_vec());
            let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            pieces.insert(hex.as_bytes()[..PIECE].to_vec());
        }
    }
    let short = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    let mut begin = vec![false; 1 << 16];
    pieces.iter().for_each(|piece| begin[short(piece)] = true);
    let has_one = |bytes: &[u8]| {
        let mut windows = bytes.windows(PIECE);
        windows.any(|window| begin[short(window)] && pieces.contains(window))
    };
    let files = node.files().into_iter();
    let hit = files.filter(|(_, bytes)| has_one(bytes));
    hit.map(|(path, _)| path).collect()
}

fn in_log(node: &Node) -> Vec<PathBuf> {
    vec![node.home.join("log").join("00000001.seg")]
}

/// Where an indicator stands at a node, by its answers.
fn places(node: &Node, value: &Value) -> Vec<(String, u64)> {
    let rows = node.about(value).into_iter();
    rows.map(|row| (row.feed, row.index)).collect()
}

fn erase(node: &Node, value: &Value) {
    let mut told = Vec::new();
    let request = |dry_run| Request::Erase {
        which: Which::Value(value.clone()),
        reason: EraseReason::PersonalData,
        dry_run,
    };
    // Right after a start it first hears its readers.
    node.until("it may erase", || {
        node.try_ask(request(true), |_| {}).is_ok()
    });
    node.ask(request(false), |reply| match reply {
        Reply::Erasure(erasure) => told.push(*erasure),
        other => panic!("{other:?}"),
    });
    assert!(told.len() == 1 && told[0].done, "{told:?}");
}

/// What `kentong receipts` says of each reader.
fn receipts(node: &Node, value: &Value) -> Vec<(String, Told, There)> {
    let mut rows = Vec::new();
    let request = Request::Receipts {
        value: value.clone(),
    };
    node.ask(request, |reply| match reply {
        Reply::Receipt(row) => rows.push((row.reader, row.said, row.state)),
        other => panic!("{other:?}"),
    });
    rows
}

fn erased_by(readers: &[(&str, There)]) -> Vec<(String, Told, There)> {
    let row = |(reader, state): &(&str, There)| ((*reader).to_owned(), Told::Erased, *state);
    readers.iter().map(row).collect()
}

/// The heads of MY's feeds, as a node holds them: proven when they came, and shown with all leaves.
fn heads(node: &Node) -> Vec<(String, u64, u64, u64)> {
    let feeds = node
        .feeds()
        .into_iter()
        .filter(|feed| feed.audience.len() > 1);
    let mut heads: Vec<_> = feeds
        .map(|feed| (feed.id, feed.leaves, feed.signed, feed.erased))
        .collect();
    heads.sort();
    heads
}

fn nowhere() -> Vec<PathBuf> {
    Vec::new()
}

/// What is looked for would be found: each body lies in the log of every node that has it.
fn found_before(federation: &Federation, all: &[(String, u64)]) {
    for (name, count) in [("MY", 4), ("SG", 2), ("TH", 2)] {
        let node = federation.node(name);
        let held = bodies_of(node, all);
        assert_eq!(held.len(), count);
        assert_eq!(files_with(node, &held), in_log(node), "the search finds");
    }
}

#[test]
fn it_is_gone_from_all_files_and_the_rest_of_its_batch_is_not() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let (gone, later) = (domain("gone.example"), domain("later.example"));
    let others: Vec<_> = (0..70)
        .map(|n| domain(&format!("stays-{n}.example")))
        .collect();
    let my = federation.node("MY");
    let mut entries: Vec<_> = others
        .iter()
        .map(|value| entry(value, Tlp::Green, &[]))
        .collect();
    entries.insert(30, entry(&gone, Tlp::Green, &[]));
    my.assert(entries);
    my.withdraw(&others[3]);
    // A second revision, in a batch of its own and for one reader more narrowly.
    my.add(&gone, Tlp::Amber, &["SG", "TH"]);
    for name in ["SG", "TH"] {
        let node = federation.node(name);
        node.until("it has all", || {
            node.count("MY", None) == 70 && !node.has(&others[3])
        });
    }
    let id = federation.node("MY").about(&gone)[0].id.clone();
    let first: Vec<_> = ["MY", "SG"]
        .map(|name| places(federation.node(name), &others[5]))
        .concat();
    let second: Vec<_> = ["MY", "SG"]
        .map(|name| places(federation.node(name), &gone))
        .concat();
    let all = [first, second].concat();
    assert_eq!(all.len(), 4, "two batches in each of two feeds: {all:?}");
    federation.nodes.iter_mut().for_each(Node::stop);
    let bodies = bodies_of(federation.node("MY"), &all);
    found_before(&federation, &all);

    // TH is away, and MY dies as soon as it has said that it is done.
    for name in ["MY", "SG"] {
        federation.node_mut(name).start();
    }
    let my = federation.node("MY");
    my.until("SG is there", || my.status().connected.members == 1);
    erase(my, &gone);
    federation.node_mut("MY").kill();
    assert_eq!(files_with(federation.node("MY"), &bodies), nowhere());
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    my.until("SG has erased it, and TH not", || {
        receipts(my, &gone) == erased_by(&[("SG", There::Erased), ("TH", There::NotConfirmed)])
    });
    assert!(my.about(&gone).is_empty());
    federation.node_mut("MY").stop();
    let sg = federation.node("SG");
    sg.until("SG has the rest", || sg.count("MY", None) == 69);
    assert_eq!(files_with(sg, &bodies), nowhere());

    // TH still has it, and learns of it from SG; the publisher is away.
    let th = federation.node("TH");
    assert_eq!(files_with(th, &bodies), in_log(th));
    federation.node_mut("TH").start();
    let (th, sg) = (federation.node("TH"), federation.node("SG"));
    th.until("TH has caught up", || heads(th) == heads(sg));
    th.until("and has the rest", || th.count("MY", None) == 69);
    assert_eq!(files_with(th, &bodies), nowhere());

    federation.node_mut("MY").start();
    federation.connected();
    let my = federation.node("MY");
    my.until("TH has erased it too", || {
        receipts(my, &gone) == erased_by(&[("SG", There::Erased), ("TH", There::Erased)])
    });
    my.add(&later, Tlp::Green, &[]);
    let (sg, th) = (federation.node("SG"), federation.node("TH"));
    sg.until("both take what comes after", || {
        sg.has(&later) && th.has(&later)
    });
    // The same answers without the derived state, from what the logs hold.
    same_after_rebuilding(&mut federation, &others, &gone);
    for node in &federation.nodes {
        assert_eq!(files_with(node, &bodies), nowhere(), "{}", node.member);
        assert!(!node.home.join("evidence").exists());
    }
    let my = federation.node("MY");
    let shown = String::from_utf8(my.run(&["show", "gone.example"]).stdout).unwrap();
    assert!(shown.contains("erased (personal-data)"), "{shown}");
    let shown = String::from_utf8(my.run(&["show", &id]).stdout).unwrap();
    assert!(shown.contains("erased (personal-data)"), "{shown}");
}

/// All nodes are started without their derived state, and answer as before.
fn same_after_rebuilding(federation: &mut Federation, others: &[Value], gone: &Value) {
    let said = |node: &Node| {
        let rows = others.iter().flat_map(|value| node.about(value));
        let rows = rows.map(|row| (row.value, row.state, row.revision, row.feed, row.index));
        (
            rows.collect::<Vec<_>>(),
            heads(node),
            node.count("MY", None),
        )
    };
    let before: Vec<_> = federation.nodes.iter().map(said).collect();
    federation.nodes.iter_mut().for_each(Node::stop);
    for node in &federation.nodes {
        fs::remove_dir_all(node.home.join("sled")).unwrap();
    }
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    for (node, before) in federation.nodes.iter().zip(before) {
        node.until("it answers as before", || said(node) == before);
        assert_eq!(before.2, 70);
        assert_eq!(before.0.len(), 70);
        assert_eq!(node.about(&others[3])[0].state, State::Withdrawn);
        assert!(node.about(gone).is_empty());
        let faults: Vec<_> = node
            .peers()
            .into_iter()
            .flat_map(|peer| peer.faults)
            .collect();
        assert_eq!(faults, [], "{}: all that is shown is proven", node.member);
    }
}

#[test]
fn it_does_not_come_back_by_itself() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let gone = domain("gone.example");
    let my = federation.node("MY");
    let list = federation.file("list.txt", "gone.example\nstays.example\n");
    let import = [
        "import",
        list.to_str().unwrap(),
        "--scheme",
        "phishing",
        "--tlp",
        "green",
    ];
    my.run(&import);
    let sg = federation.node("SG");
    sg.until("SG has both", || sg.count("MY", None) == 2);
    // By its id, and only if it is meant.
    let id = my.about(&gone)[0].id.clone();
    let unsure = my.command(&["erase", &id, "--reason", "mistake"]);
    let said = String::from_utf8_lossy(&unsure.stderr).into_owned();
    assert!(
        said.contains("would be erased") && said.contains("--yes"),
        "{said}"
    );
    assert_eq!(unsure.status.code(), Some(2));
    assert!(my.has(&gone));
    my.run(&["erase", &id, "--reason", "mistake", "--yes"]);
    sg.until("SG has one", || {
        sg.count("MY", None) == 1 && sg.about(&gone).is_empty()
    });
    // Again there is nothing to erase.
    let twice = my.command(&[
        "erase",
        "domain",
        "gone.example",
        "--reason",
        "mistake",
        "--yes",
    ]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&twice.stderr).contains("was erased already"));
    let again = String::from_utf8(my.run(&import).stdout).unwrap();
    assert!(again.contains("1  erased earlier: left erased"), "{again}");
    federation.node_mut("MY").stop();
    fs::remove_dir_all(federation.node("MY").home.join("sled")).unwrap();
    federation.node_mut("MY").start();
    federation.connected();
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    let add = [
        "add",
        "domain",
        "gone.example",
        "--scheme",
        "job",
        "--tlp",
        "green",
    ];
    let refused = my.command(&add);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("left erased"));
    assert!(!my.has(&gone));
    // Unless somebody means it.
    my.run(&[&add[..], &["--again"]].concat());
    sg.until("SG has it again", || sg.has(&gone));
    assert_eq!(sg.about(&gone)[0].revision, 3);
    // And it can be erased again.
    erase(my, &gone);
    sg.until("SG has one", || sg.about(&gone).is_empty());
    assert_eq!((my.count("MY", None), sg.count("MY", None)), (1, 1));
}

fn feed_id(hex: &str) -> FeedId {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    FeedId::from_digest(Digest::from_bytes(bytes.try_into().unwrap()))
}

/// MY's home is put back to what it was, but for these files.
fn put_back(home: &std::path::Path, older: &std::path::Path, kept: &[&str]) {
    for name in kept {
        fs::copy(home.join(name), older.join(name)).unwrap();
    }
    fs::remove_dir_all(home).unwrap();
    fs::rename(older, home).unwrap();
}

fn erases_again(kept: &[&str]) {
    let mut federation = Federation::running(&["MY", "SG"]);
    let (gone, stays) = (domain("gone.example"), domain("stays.example"));
    let my = federation.node("MY");
    my.assert(vec![
        entry(&gone, Tlp::Green, &[]),
        entry(&stays, Tlp::Green, &[]),
    ]);
    let sg = federation.node("SG");
    sg.until("SG has both", || sg.count("MY", None) == 2);
    let all: Vec<_> = [my, sg].map(|node| places(node, &gone)).concat();
    federation.node_mut("MY").stop();
    let home = federation.node("MY").home.clone();
    let older = home.with_file_name("MY.older");
    crate::rollback::copy(&home, &older);
    let bodies = bodies_of(federation.node("MY"), &all);
    assert_eq!(bodies.len(), 2);

    federation.node_mut("MY").start();
    federation.connected();
    let my = federation.node("MY");
    erase(my, &gone);
    let sg = federation.node("SG");
    sg.until("SG has one", || sg.count("MY", None) == 1);
    federation.node_mut("MY").kill();
    put_back(&home, &older, kept);
    let my = federation.node("MY");
    assert_eq!(files_with(my, &bodies), in_log(my), "it is back");
    federation.node_mut("MY").start();
    federation.connected();
    let my = federation.node("MY");
    my.until("it is erased again", || {
        my.about(&gone).is_empty() && files_with(my, &bodies).is_empty()
    });
    my.until("and the rest is there", || my.has(&stays));
    // What comes after takes the same feed, and nothing of it is in force again anywhere.
    let after = domain("after.example");
    my.add(&after, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has what comes after", || sg.has(&after));
    assert!(sg.about(&gone).is_empty() && my.about(&gone).is_empty());
    assert_eq!(my.count("MY", None), 2);
    assert!(!sg.home.join("evidence").exists());
    let feed = feed_id(&sg.about(&after)[0].feed);
    assert!(
        all.iter().any(|(id, _)| feed_id(id) == feed),
        "the same feed"
    );
}

#[test]
fn a_home_that_was_put_back_to_before_it_erases_again() {
    erases_again(&[]);
}

#[test]
fn so_does_a_log_from_a_backup() {
    erases_again(&["signer.state"]);
}

#[test]
fn what_a_feed_for_oneself_alone_holds_that_goes_on_in_another_is_erased_too() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let (gone, stays) = (domain("gone.example"), domain("stays.example"));
    let my = federation.node("MY");
    my.assert(vec![
        entry(&gone, Tlp::Green, &[]),
        entry(&stays, Tlp::Green, &[]),
    ]);
    let sg = federation.node("SG");
    sg.until("SG has both", || sg.count("MY", None) == 2);
    let all: Vec<_> = [my, sg].map(|node| places(node, &gone)).concat();
    federation.node_mut("MY").stop();
    let home = federation.node("MY").home.clone();
    let older = home.with_file_name("MY.older");
    crate::rollback::copy(&home, &older);
    federation.node_mut("MY").start();
    federation.connected();
    let (my, later) = (federation.node("MY"), domain("later.example"));
    my.add(&later, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has the last", || sg.has(&later));
    federation.node_mut("MY").kill();
    put_back(&home, &older, &["signer.state"]);
    let bodies = bodies_of(federation.node("MY"), &all);
    assert_eq!(bodies.len(), 2);
    federation.node_mut("MY").start();
    federation.connected();
    let my = federation.node("MY");
    my.until("what was lost is back", || my.has(&later));
    let private = || {
        my.feeds()
            .iter()
            .filter(|feed| feed.audience == ["MY"])
            .count()
    };
    my.until("in a feed that follows", || private() == 2);
    erase(my, &gone);
    assert_eq!(files_with(my, &bodies), nowhere());
    let sg = federation.node("SG");
    sg.until("SG has erased it", || sg.about(&gone).is_empty());
    assert!(my.about(&gone).is_empty());
    federation.node_mut("MY").kill();
    fs::remove_dir_all(home.join("sled")).unwrap();
    federation.node_mut("MY").start();
    federation.connected();
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    assert_eq!((my.count("MY", None), sg.count("MY", None)), (2, 2));
    assert!(my.has(&stays) && my.has(&later) && my.about(&gone).is_empty());
    assert_eq!(files_with(my, &bodies), nowhere());
}

#[test]
fn only_who_may_withdraw_it_and_administer_the_node_erases() {
    let mut federation = Federation::new(&["MY"]);
    let value = domain("stays.example");
    let my = federation.node_mut("MY");
    let allow = |my: &Node, actions: &str| {
        let policy = format!("permit (principal, action in [{actions}], resource);\n");
        fs::write(my.home.join("policy/local.cedar"), policy).unwrap();
    };
    let all = "Action::\"query\", Action::\"publish\"";
    for missing in ["withdraw", "administer"] {
        let other = if missing == "withdraw" {
            "administer"
        } else {
            "withdraw"
        };
        allow(my, &format!("{all}, Action::\"{other}\""));
        my.start();
        my.add(&value, Tlp::Green, &[]);
        let erase = [
            "erase",
            "domain",
            "stays.example",
            "--reason",
            "order",
            "--yes",
        ];
        let refused = my.command(&erase);
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("policy/local.cedar"), "{said}");
        assert!(my.has(&value));
        my.kill();
    }
    allow(
        my,
        &format!("{all}, Action::\"withdraw\", Action::\"administer\""),
    );
    my.start();
    erase(my, &value);
    assert!(!my.has(&value));
    my.kill();
    // That there was something is for the node's administrator.
    allow(my, all);
    my.start();
    let said = |line: &[&str]| {
        let output = my.command(line);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, shown) = said(&["show", "stays.example"]);
    assert!(
        code == Some(1) && shown.contains("Nothing is known"),
        "{shown}"
    );
    let (code, shown) = said(&["receipts", "domain", "stays.example"]);
    assert!(
        code == Some(1) && shown.contains("is not one of our indicators"),
        "{shown}"
    );
    my.kill();
}
