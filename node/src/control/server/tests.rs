use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::control::reply::Done;

use super::*;

const REQUEST: &[u8] = b"{\"v\":1,\"request\":\"peers\"}\n";
const PLACES: usize = 4;

/// Has a test that waits for what never comes fail.
pub(super) async fn soon<T>(test: impl Future<Output = T>) -> T {
    let most = Duration::from_secs(20);
    let ended = tokio::time::timeout(most, test).await;
    ended.expect("it ends in time")
}

/// A door with few places, and what comes through it.
struct Door {
    dir: TempDir,
    asked: mpsc::Receiver<Asked>,
}

impl Door {
    fn open(limits: Limits) -> Self {
        let dir = TempDir::new().unwrap();
        let (core, asked) = mpsc::channel(100);
        let socket = bind(&dir.path().join("control.sock")).unwrap();
        tokio::spawn(serve(socket, core, limits));
        Self { dir, asked }
    }

    async fn connect(&self) -> BufReader<UnixStream> {
        let stream = UnixStream::connect(self.dir.path().join("control.sock"));
        BufReader::new(stream.await.unwrap())
    }

    /// A connection whose request is with the node, which has not answered yet.
    async fn asks(&mut self) -> (BufReader<UnixStream>, mpsc::Sender<Reply>) {
        let mut stream = self.connect().await;
        stream.write_all(REQUEST).await.unwrap();
        (stream, self.asked.recv().await.unwrap().replies)
    }

    /// Whether a newcomer is answered.
    async fn answers(&mut self) {
        let (mut stream, replies) = self.asks().await;
        replies.send(Reply::Done(Done::default())).await.unwrap();
        let said = line(&mut stream).await;
        assert!(said.contains("done"), "{said}");
    }
}

async fn line(stream: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line
}

/// Nobody is let go for being slow alone.
fn limits() -> Limits {
    let never = Duration::from_secs(3600);
    Limits {
        places: PLACES,
        asking: never,
        reading: never,
        to_ask: Duration::from_millis(10),
        to_read: Duration::from_millis(10),
        newcomer: Duration::from_millis(50),
        sign_of_life: never,
    }
}

#[tokio::test]
async fn idle_operators_make_room_the_most_idle_first() {
    soon(async {
        let mut door = Door::open(limits());
        let mut idle = Vec::new();
        for _ in 0..PLACES {
            idle.push(door.connect().await);
        }
        let (_waits, _replies) = door.asks().await;
        let told = line(&mut idle[0]).await;
        assert!(told.contains("\"code\":\"idle\""), "{told}");
        // Three are idle and one waits for its answer, and as many come as there are places twice over.
        for _ in 0..2 * PLACES {
            door.answers().await;
        }
    })
    .await;
}

/// As if all of them asked again and again.
#[tokio::test]
async fn who_is_always_about_to_ask_keeps_no_newcomer_waiting() {
    soon(async {
        let door = Door::open(Limits {
            to_ask: Duration::from_secs(3600),
            ..limits()
        });
        let mut all = Vec::new();
        for _ in 0..PLACES {
            all.push(door.connect().await);
        }
        let mut newcomer = door.connect().await;
        let told = line(&mut newcomer).await;
        assert!(told.contains("\"code\":\"busy\""), "{told}");
    })
    .await;
}

#[tokio::test]
async fn half_a_request_keeps_nobody_out() {
    soon(async {
        let mut door = Door::open(limits());
        let mut idle = Vec::new();
        for _ in 0..PLACES {
            let mut stream = door.connect().await;
            stream.write_all(b"{\"v\":1,").await.unwrap();
            idle.push(stream);
        }
        door.answers().await;
    })
    .await;
}

#[tokio::test]
async fn who_reads_nothing_makes_room() {
    soon(async {
        let mut door = Door::open(limits());
        let mut all = Vec::new();
        for _ in 0..PLACES {
            let (stream, replies) = door.asks().await;
            let notes = vec!["x".repeat(1 << 20)];
            let long = Done {
                notes,
                ..Done::default()
            };
            replies.send(Reply::Done(long)).await.unwrap();
            all.push(stream);
        }
        door.answers().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_being_answered_stays_and_a_newcomer_is_told() {
    soon(async {
        let mut door = Door::open(limits());
        let mut all = Vec::new();
        for _ in 0..PLACES {
            all.push(door.asks().await);
        }
        for _ in 0..3 {
            let mut newcomer = door.connect().await;
            let told = line(&mut newcomer).await;
            assert!(told.contains("\"code\":\"busy\""), "{told}");
            assert!(told.contains("try again"), "{told}");
        }
        // Nobody lost its answer for it, and with the first of them there is room again.
        for (mut stream, replies) in all {
            replies.send(Reply::Done(Done::default())).await.unwrap();
            drop(replies);
            let said = line(&mut stream).await;
            assert!(said.contains("done"), "{said}");
            drop(stream);
            door.answers().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_newcomer_waits_a_moment_for_an_answer_to_end() {
    soon(async {
        let mut door = Door::open(Limits {
            newcomer: Duration::from_secs(3600),
            ..limits()
        });
        let mut all = Vec::new();
        for _ in 0..PLACES {
            all.push(door.asks().await);
        }
        let mut newcomer = door.connect().await;
        newcomer.write_all(REQUEST).await.unwrap();
        let (first, replies) = all.remove(0);
        replies.send(Reply::Done(Done::default())).await.unwrap();
        drop((first, replies));
        let replies = door.asked.recv().await.unwrap().replies;
        replies.send(Reply::Done(Done::default())).await.unwrap();
        let said = line(&mut newcomer).await;
        assert!(said.contains("done"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn the_socket_is_for_its_owner_alone_and_takes_the_place_of_a_dead_one() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("control.sock");
    drop(bind(&path).unwrap());
    let _socket = bind(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
