//! What was acknowledged survives `kill -9`, and the derived state can be lost.

use kentong_node::control::reply::State;
use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, Node, domain, entry};

/// Adds 20 batches of indicators; answers how many were acknowledged before the node was killed.
fn add_until_killed(node: &Node, round: u32, stop: impl Fn() + Send) -> u32 {
    let mut acknowledged = 0;
    std::thread::scope(|scope| {
        scope.spawn(stop);
        for i in 0..200 {
            let entries: Vec<_> = (0..20)
                .map(|n| {
                    entry(
                        &domain(&format!("r{round}-{i}-{n}.example")),
                        Tlp::Green,
                        &[],
                    )
                })
                .collect();
            let request = kentong_node::control::request::Request::Assert {
                entries,
                dry_run: false,
                again: false,
            };
            if node.try_ask(request, |_| {}).is_err() {
                return;
            }
            acknowledged = i + 1;
        }
    });
    acknowledged
}

#[test]
fn killed_at_twenty_moments_of_adding_and_of_exchange() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let mut due = Vec::new();
    for round in 0..20_u32 {
        // MY is killed while it imports, or SG while it receives.
        let victim = if round % 2 == 0 { "MY" } else { "SG" };
        let pid = federation.node(victim).pid();
        let moment = std::time::Duration::from_micros(u64::from(round * 7919 % 97) * 1500);
        let kill = move || {
            std::thread::sleep(moment);
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        };
        let acknowledged = add_until_killed(federation.node("MY"), round, kill);
        due.push(acknowledged);
        federation.node_mut(victim).kill();
        federation.node_mut(victim).start();
    }
    let my = federation.node("MY");
    for (round, acknowledged) in due.iter().enumerate() {
        for i in 0..*acknowledged {
            let one = domain(&format!("r{round}-{i}-19.example"));
            assert!(my.has(&one), "acknowledged and lost: round {round}, {i}");
        }
    }
    assert!(due.iter().sum::<u32>() > 0, "something was acknowledged");
    let sg = federation.node("SG");
    let all = my.count("MY", None);
    sg.until("SG has all that MY has", || sg.count("MY", None) == all);
}

#[test]
fn derived_state_is_rebuilt_from_the_log() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let entries: Vec<_> = (0..300)
        .map(|i| entry(&domain(&format!("h{i}.example")), Tlp::Green, &[]))
        .collect();
    federation.node("MY").assert(entries);
    federation.node("MY").withdraw(&domain("h7.example"));
    let sg = federation.node("SG");
    sg.until("SG has what is in force", || sg.count("MY", None) == 299);
    federation.node_mut("SG").stop();
    let files: Vec<_> = federation
        .node("SG")
        .files()
        .into_iter()
        .filter(|(path, bytes)| {
            path.components().any(|c| c.as_os_str() == "sled") && !bytes.is_empty()
        })
        .collect();
    assert!(!files.is_empty());
    for (path, bytes) in &files {
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        let end = damaged.len().min(middle + 64);
        damaged[middle..end]
            .iter_mut()
            .for_each(|byte| *byte ^= 0xa5);
        std::fs::write(path, &damaged).unwrap();
        same_answers(&mut federation);
    }
    std::fs::remove_dir_all(federation.node("SG").home.join("sled")).unwrap();
    same_answers(&mut federation);
    let warned = |federation: &mut Federation| {
        federation.node_mut("SG").start();
        let warnings = federation.node("SG").warnings();
        federation.node_mut("SG").stop();
        warnings
    };
    std::fs::remove_dir_all(federation.node("SG").home.join("sled")).unwrap();
    assert!(warned(&mut federation).contains("rebuilt from the log"));
}

fn same_answers(federation: &mut Federation) {
    federation.node_mut("SG").start();
    let sg = federation.node("SG");
    assert_eq!(sg.count("MY", None), 299);
    assert_eq!(sg.about(&domain("h7.example"))[0].state, State::Withdrawn);
    assert!(sg.has(&domain("h8.example")));
    federation.node_mut("SG").stop();
}
