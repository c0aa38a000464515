use std::time::Duration;

use super::*;

/// Arrivals with a clock that the test moves.
struct Scene {
    arrivals: Arrivals,
    now: Instant,
    next: usize,
}

impl Scene {
    fn new(limits: Limits) -> Self {
        Self {
            arrivals: Arrivals::new(limits),
            now: Instant::now(),
            next: 0,
        }
    }

    /// One comes from there; answers its number.
    fn comes(&mut self, from: &str, expected: Result<(), RefusedBecause>) -> ConnectionId {
        self.next += 1;
        let id = ConnectionId::new_unchecked(self.next);
        let origin = Origin::of(&from.parse().unwrap());
        assert_eq!(
            self.arrivals.begin(id, origin, self.now),
            expected,
            "{from}"
        );
        id
    }

    /// Some come and go at once.
    fn pass(&mut self, from: &str, count: u32) {
        for _ in 0..count {
            let id = self.comes(from, Ok(()));
            self.arrivals.over(id);
        }
    }

    fn member_at(&mut self, ip: &str) -> PeerId {
        let peer = PeerId::random();
        self.arrivals
            .expect([(peer, vec![ip.parse().unwrap()])].into());
        peer
    }
}

fn limits() -> Limits {
    Limits {
        handshakes: 4,
        handshakes_per_address: 2,
        handshakes_of_members: 3,
        ..Limits::default()
    }
}

const MANY_FROM_THERE: Result<(), RefusedBecause> =
    Err(RefusedBecause::TooManyHandshakesFromAddress);
const MANY: Result<(), RefusedBecause> = Err(RefusedBecause::TooManyHandshakes);
const OFTEN_FROM_THERE: Result<(), RefusedBecause> = Err(RefusedBecause::TooOftenFromAddress);
const OFTEN: Result<(), RefusedBecause> = Err(RefusedBecause::TooOften);

#[test]
fn handshakes_are_bounded_in_all_and_by_place() {
    let mut scene = Scene::new(limits());
    let first = scene.comes("/ip4/192.0.2.1/tcp/1", Ok(()));
    scene.comes("/ip4/192.0.2.1/tcp/2", Ok(()));
    scene.comes("/ip4/192.0.2.1/tcp/3", MANY_FROM_THERE);
    scene.comes("/ip6/2001:db8::1/tcp/1", Ok(()));
    scene.comes("/ip6/2001:db8::ffff:1/tcp/1", Ok(()));
    scene.comes("/ip6/2001:db8::2/tcp/1", MANY_FROM_THERE);
    scene.comes("/ip4/192.0.2.2/tcp/1", MANY);
    scene.arrivals.over(first);
    scene.comes("/ip4/192.0.2.2/tcp/1", Ok(()));
    scene.comes("/ip4/192.0.2.1/tcp/1", MANY);
}

#[test]
fn members_have_room_of_their_own() {
    let mut scene = Scene::new(limits());
    scene.member_at("192.0.2.9");
    for host in 1..=4 {
        scene.comes(&format!("/ip4/198.51.100.{host}/tcp/1"), Ok(()));
    }
    scene.comes("/ip4/198.51.100.5/tcp/1", MANY);
    scene.comes("/ip4/192.0.2.9/tcp/1", Ok(()));
    scene.comes("/ip4/192.0.2.9/tcp/1", Ok(()));
    scene.comes("/ip4/192.0.2.9/tcp/1", MANY_FROM_THERE);
    // Forged UDP does not close the way over TCP, nor the other way round.
    scene.comes("/ip4/192.0.2.9/udp/1/quic-v1", Ok(()));
}

#[test]
fn the_room_of_members_is_bounded_too() {
    let mut scene = Scene::new(limits());
    let table = (1_u8..=4).map(|host| (PeerId::random(), vec![[192, 0, 2, host].into()]));
    scene.arrivals.expect(table.collect());
    for host in 1..=3 {
        scene.comes(&format!("/ip4/192.0.2.{host}/tcp/1"), Ok(()));
    }
    scene.comes("/ip4/192.0.2.4/tcp/1", MANY);
    scene.comes("/ip4/198.51.100.1/tcp/1", Ok(()));
}

#[test]
fn a_members_places_are_learnt_and_forgotten_with_it() {
    let mut scene = Scene::new(Limits {
        handshakes: 0,
        ..limits()
    });
    let peer = scene.member_at("192.0.2.9");
    let from = |host: &str| format!("/ip4/{host}/tcp/1");
    scene.comes(&from("192.0.2.10"), MANY);
    let named = ["192.0.2.10".parse().unwrap()];
    scene.arrivals.resolved(peer, named.into_iter());
    scene.comes(&from("192.0.2.10"), Ok(()));
    scene.comes(&from("192.0.2.11"), MANY);
    let there = Place::of("192.0.2.11".parse().unwrap());
    scene.arrivals.proven(peer, there);
    scene.comes(&from("192.0.2.11"), Ok(()));
    scene
        .arrivals
        .proven(PeerId::random(), Place::of([192, 0, 2, 12].into()));
    scene.comes(&from("192.0.2.12"), MANY);
    scene.member_at("192.0.2.13");
    for host in ["192.0.2.9", "192.0.2.10", "192.0.2.11"] {
        scene.comes(&from(host), MANY);
    }
}

#[test]
fn handshakes_are_paced_by_place_and_in_all() {
    let second = Duration::from_secs(1);
    let mut scene = Scene::new(Limits {
        strangers_pace_per_address: (3, second),
        strangers_pace: (5, second),
        members_pace: (2, second),
        ..Limits::default()
    });
    scene.member_at("192.0.2.9");
    scene.pass("/ip4/198.51.100.1/tcp/1", 3);
    scene.comes("/ip4/198.51.100.1/tcp/1", OFTEN_FROM_THERE);
    scene.pass("/ip4/198.51.100.2/tcp/1", 2);
    scene.comes("/ip4/198.51.100.3/tcp/1", OFTEN);
    // Neither takes from the members, who are paced all the same.
    scene.pass("/ip4/192.0.2.9/tcp/1", 2);
    scene.comes("/ip4/192.0.2.9/tcp/1", OFTEN_FROM_THERE);
    scene.pass("/ip4/198.51.100.1/udp/1/quic-v1", 3);
    scene.now += second;
    scene.pass("/ip4/198.51.100.1/tcp/1", 1);
    scene.pass("/ip4/192.0.2.9/tcp/1", 1);
}

#[test]
fn the_table_of_places_is_bounded_and_keeps_who_is_busy() {
    let second = Duration::from_secs(1);
    let mut scene = Scene::new(Limits {
        strangers_pace_per_address: (1, second),
        strangers_pace: (1000, second),
        places: 8,
        ..Limits::default()
    });
    let from = |host: u32| format!("/ip4/198.51.100.{host}/tcp/1");
    for host in 0..8 {
        scene.pass(&from(host), 1);
    }
    // More than the table holds: paced together only.
    for _ in 0..2 {
        for host in 8..100 {
            scene.pass(&from(host), 1);
        }
    }
    assert_eq!(scene.arrivals.paces.len(), 8);
    scene.comes(&from(0), OFTEN_FROM_THERE);
    // Who has been quiet is forgotten.
    scene.now += second;
    scene.pass(&from(100), 1);
    assert_eq!(scene.arrivals.paces.len(), 1);
}
