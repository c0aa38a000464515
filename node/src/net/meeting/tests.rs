use super::*;

fn id(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

/// A meeting with a clock that the test moves.
struct Scene {
    meeting: Meeting,
    now: Instant,
}

impl Scene {
    fn new(side: Side) -> Self {
        let now = Instant::now();
        Self {
            meeting: Meeting::new(side, now),
            now,
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    fn established(&mut self, number: usize, dialler: Dialler, expected: &[Act]) {
        assert_eq!(
            self.meeting.established(id(number), dialler, self.now),
            expected
        );
    }

    fn opened(&mut self, number: usize, expected: Option<&[Act]>) {
        assert_eq!(
            self.meeting.opened(id(number), self.now).as_deref(),
            expected
        );
    }

    fn closed(&mut self, number: usize, expected: Option<Act>) {
        assert_eq!(
            self.meeting.closed(id(number), self.now, u32::MAX),
            expected
        );
    }

    fn dial_failed(&mut self, expected: Option<Act>) {
        assert_eq!(self.meeting.dial_failed(self.now, u32::MAX), expected);
    }

    /// In how many milliseconds the next dial is due.
    fn dial_in(&self, expected: Option<u128>) {
        let due = self.meeting.dial_at();
        assert_eq!(
            due.map(|at| at.duration_since(self.now).as_millis()),
            expected
        );
    }
}

#[test]
fn of_two_dials_the_lower_ones_survives_in_either_order() {
    let mut ours_first = Scene::new(Side::Lower);
    ours_first.meeting.dial_started();
    ours_first.established(1, Dialler::Us, &[Act::Open(id(1))]);
    ours_first.established(2, Dialler::Them, &[Act::Cut(id(2))]);
    ours_first.opened(1, Some(&[]));

    let mut theirs_first = Scene::new(Side::Lower);
    theirs_first.meeting.dial_started();
    theirs_first.established(1, Dialler::Them, &[]);
    theirs_first.established(2, Dialler::Us, &[Act::Cut(id(1)), Act::Open(id(2))]);
    theirs_first.closed(1, None);
    theirs_first.opened(2, Some(&[]));
    theirs_first.dial_in(None);
}

#[test]
fn the_lower_takes_the_others_connection_when_its_own_dial_fails_or_lasts() {
    let mut fails = Scene::new(Side::Lower);
    fails.meeting.dial_started();
    fails.established(1, Dialler::Them, &[]);
    fails.dial_failed(Some(Act::Open(id(1))));

    let mut lasts = Scene::new(Side::Lower);
    lasts.meeting.dial_started();
    lasts.established(1, Dialler::Them, &[]);
    assert_eq!(lasts.meeting.grace_at(), Some(lasts.now + GRACE));
    lasts.wait(GRACE);
    assert_eq!(lasts.meeting.grace_over(lasts.now), Some(Act::Open(id(1))));
    lasts.established(2, Dialler::Us, &[Act::Cut(id(2))]);
    lasts.opened(1, Some(&[]));

    let mut idle = Scene::new(Side::Lower);
    idle.established(1, Dialler::Them, &[Act::Open(id(1))]);
}

#[test]
fn a_peer_that_comes_again_later_replaces_its_link() {
    let mut lower = Scene::new(Side::Lower);
    lower.established(1, Dialler::Them, &[Act::Open(id(1))]);
    lower.opened(1, Some(&[]));
    lower.wait(SETTLED - Duration::from_millis(1));
    lower.established(2, Dialler::Them, &[Act::Cut(id(2))]);
    lower.closed(2, None);
    lower.wait(Duration::from_millis(1));
    lower.established(3, Dialler::Them, &[Act::Cut(id(1)), Act::Open(id(3))]);
    lower.closed(1, None);
    lower.opened(3, Some(&[]));

    // To the higher one the lower one's stream is the word, at any time.
    let mut higher = Scene::new(Side::Higher);
    higher.established(1, Dialler::Us, &[]);
    higher.established(2, Dialler::Them, &[]);
    higher.opened(2, Some(&[]));
    higher.opened(1, Some(&[Act::Cut(id(2))]));
    higher.closed(2, None);
    higher.closed(2, None);
    higher.dial_in(None);
}

#[test]
fn streams_of_unknown_connections_are_not_wanted() {
    let mut scene = Scene::new(Side::Higher);
    scene.opened(1, None);
    scene.established(1, Dialler::Them, &[]);
    scene.closed(1, None);
    scene.opened(1, None);
}

#[test]
fn pauses_double_up_to_a_bound_and_are_forgotten_after_a_stable_link() {
    let mut scene = Scene::new(Side::Higher);
    scene.dial_in(Some(0));
    for expected in [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
        scene.meeting.dial_started();
        scene.dial_in(None);
        scene.dial_failed(None);
        scene.dial_in(Some(expected));
    }
    // A link that ends at once, as when the other side has another charter, is no success.
    scene.established(1, Dialler::Us, &[]);
    scene.opened(1, Some(&[]));
    scene.dial_in(None);
    scene.closed(1, None);
    scene.dial_in(Some(30_000));
    scene.established(2, Dialler::Us, &[]);
    scene.opened(2, Some(&[]));
    scene.wait(STABLE);
    scene.closed(2, None);
    scene.dial_in(Some(250));
    scene.meeting.try_again(scene.now);
    scene.dial_in(Some(0));
}

#[test]
fn half_of_a_pause_is_left_to_chance() {
    for (jitter, expected) in [(0, 125), (u32::MAX / 2, 187), (u32::MAX, 250)] {
        let now = Instant::now();
        let mut meeting = Meeting::new(Side::Lower, now);
        meeting.dial_started();
        meeting.dial_failed(now, jitter);
        let pause = meeting.dial_at().unwrap().duration_since(now);
        assert_eq!(pause.as_millis(), expected);
    }
}
