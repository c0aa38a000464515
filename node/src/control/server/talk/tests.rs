use super::super::places::tests::alone;
use super::super::tests::soon;
use super::*;
use crate::control::reply::Done;

const SOON: Duration = Duration::from_millis(50);
const NEVER: Duration = Duration::from_secs(3600);
const REQUEST: &[u8] = b"{\"v\":1,\"request\":\"peers\"}\n";

/// Nobody is let go, and nothing is said meanwhile.
fn patient() -> Limits {
    Limits {
        asking: NEVER,
        reading: NEVER,
        to_ask: NEVER,
        to_read: NEVER,
        newcomer: NEVER,
        sign_of_life: NEVER,
        places: 1,
    }
}

/// All that the node has written to who reads on.
async fn said(mut theirs: UnixStream) -> String {
    let mut said = String::new();
    theirs.read_to_string(&mut said).await.unwrap();
    said
}

async fn done(replies: &mpsc::Sender<Reply>) {
    replies.send(Reply::Done(Done::default())).await.unwrap();
}

#[tokio::test]
async fn who_asks_nothing_is_told_and_let_go() {
    soon(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (core, _asked) = mpsc::channel::<Asked>(1);
        let limits = Limits {
            asking: SOON,
            ..patient()
        };
        talk(ours, core, limits, alone()).await.unwrap();
        let said = said(theirs).await;
        assert!(said.contains("\"code\":\"idle\""), "{said}");
    })
    .await;
}

#[tokio::test]
async fn who_sends_half_a_line_bit_by_bit_is_let_go() {
    soon(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (core, _asked) = mpsc::channel::<Asked>(1);
        let limits = Limits {
            asking: SOON,
            ..patient()
        };
        let (read, mut write) = theirs.into_split();
        let drip = tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_millis(5));
            // Each byte comes long before its sender would be taken for silent.
            while write.write_all(b" ").await.is_ok() {
                every.tick().await;
            }
        });
        talk(ours, core, limits, alone()).await.unwrap();
        drip.await.unwrap();
        let mut lines = BufReader::new(read);
        let said = line(&mut lines).await.unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("\"code\":\"idle\""), "{said}");
    })
    .await;
}

#[tokio::test]
async fn who_hangs_up_waits_for_nothing() {
    soon(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (core, mut asked) = mpsc::channel::<Asked>(1);
        theirs.write_all(REQUEST).await.unwrap();
        let talk = tokio::spawn(talk(ours, core, patient(), alone()));
        let replies = asked.recv().await.unwrap().replies;
        theirs.write_all(REQUEST).await.unwrap();
        done(&replies).await;
        drop(replies);
        let replies = asked.recv().await.unwrap().replies;
        drop(theirs);
        talk.await.unwrap().unwrap();
        assert!(replies.is_closed(), "so a search knows that it may end");
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_by_who_has_gone_is_not_done() {
    soon(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (core, mut asked) = mpsc::channel::<Asked>(1);
        theirs.write_all(REQUEST).await.unwrap();
        drop(theirs);
        talk(ours, core, patient(), alone()).await.unwrap();
        assert!(asked.recv().await.is_none(), "the core was asked nothing");
    })
    .await;
}

#[tokio::test]
async fn who_reads_nothing_is_let_go() {
    soon(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (core, mut asked) = mpsc::channel::<Asked>(1);
        theirs.write_all(REQUEST).await.unwrap();
        let limits = Limits {
            reading: SOON,
            ..patient()
        };
        let talk = tokio::spawn(talk(ours, core, limits, alone()));
        let replies = asked.recv().await.unwrap().replies;
        let notes = vec!["x".repeat(MAX_LINE)];
        let long = Done {
            notes,
            ..Done::default()
        };
        replies.send(Reply::Done(long)).await.unwrap();
        let end = talk.await.unwrap().unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::TimedOut);
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_an_answer_hears_that_the_node_is_at_it() {
    soon(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        // Nobody takes requests out of the queue, which is full: the core is busy with something else.
        let (core, mut asked) = mpsc::channel::<Asked>(1);
        let (replies, _answer) = mpsc::channel(1);
        let busy = Asked {
            request: Request::Status,
            uid: 0,
            replies,
        };
        core.send(busy).await.unwrap();
        theirs.write_all(REQUEST).await.unwrap();
        let limits = Limits {
            asking: SOON,
            reading: SOON,
            sign_of_life: Duration::from_millis(5),
            ..patient()
        };
        let talk = tokio::spawn(talk(ours, core, limits, alone()));
        let (read, _write) = theirs.into_split();
        let mut lines = BufReader::new(read);
        let mut next = async || String::from_utf8(line(&mut lines).await.unwrap()).unwrap();
        // Far longer than anybody who is silent is waited for.
        for _ in 0..40 {
            assert_eq!(next().await, "{\"working\":{\"seconds\":0}}\n");
        }
        asked.recv().await.unwrap();
        let replies = asked.recv().await.unwrap().replies;
        done(&replies).await;
        let answered = async { while next().await.contains("working") {} };
        answered.await;
        drop(replies);
        talk.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_gets_no_answer_is_told_so() {
    soon(async {
        for is_taken in [true, false] {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let (core, mut asked) = mpsc::channel::<Asked>(1);
            theirs.write_all(REQUEST).await.unwrap();
            let talk = tokio::spawn(talk(ours, core, patient(), alone()));
            if is_taken {
                drop(asked.recv().await.unwrap());
            }
            drop(asked);
            talk.await.unwrap().unwrap();
            let said = said(theirs).await;
            assert!(said.contains("\"code\":\"stopping\""), "{said}");
        }
    })
    .await;
}
