//! The task of one link: moves frames between the stream, the core's channel and the outbox.

use std::sync::Arc;
use std::time::Duration;

use libp2p::futures::io::{BufReader, BufWriter, ReadHalf, WriteHalf};
use libp2p::futures::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::swarm::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::outbox::Outbox;
use super::{Closed, Event, LinkId, PeerName, frame};

/// How much is read or written at a time when frames are small.
const BUFFER: usize = 64 * 1024;

/// How long a link that is closed by this node is given to write what is queued and to let the
/// peer read it: a QUIC connection that is closed forgets what the peer has not acknowledged, and
/// a TCP connection what the peer has not read if the peer writes on.
const LINGER: Duration = Duration::from_secs(2);

/// One link, from its announcement to its end.
#[derive(Debug)]
pub(super) struct Link<E> {
    pub(super) peer: PeerName,
    pub(super) id: LinkId,
    pub(super) outbox: Arc<Outbox>,
    pub(super) events: mpsc::Sender<E>,
    /// Closes when the peer's link before this one has been announced as ended.
    pub(super) before: Option<oneshot::Receiver<()>>,
    /// Dropped when this link has been announced as ended.
    pub(super) done: oneshot::Sender<()>,
}

impl<E: From<Event> + Send + 'static> Link<E> {
    /// Announces the link, runs it, announces its end. All its events come from here, in order.
    pub(super) async fn run(mut self, stream: Stream) {
        if let Some(before) = self.before.take() {
            // The predecessor's end, not a message: nothing is ever sent.
            let _: Result<(), oneshot::error::RecvError> = before.await;
        }
        let (peer, link) = (self.peer, self.id);
        if self.emit(Event::Connected { peer, link }).await.is_err() {
            return;
        }
        tracing::info!(peer = %peer.short(), link = link.0, "connected");
        let why = self.carry(stream).await;
        self.outbox.stop(why);
        tracing::info!(peer = %peer.short(), link = link.0, why = %why, "disconnected");
        // Without a core nobody is left to be told.
        let _: Result<(), Gone> = self.emit(Event::Disconnected { peer, link, why }).await;
        drop(self.done);
    }

    async fn carry(&self, stream: Stream) -> Closed {
        let (reader, writer) = stream.split();
        let mut reader = BufReader::with_capacity(BUFFER, reader);
        let mut writing = Box::pin(self.write(BufWriter::with_capacity(BUFFER, writer)));
        let why = {
            let reading = self.read(&mut reader);
            tokio::select! {
                biased;
                why = self.outbox.stopped() => why,
                why = &mut writing => return why,
                why = reading => return why,
            }
        };
        if why.lets_the_queue_finish() {
            let farewell = async {
                writing.await;
                discard(&mut reader).await;
            };
            if timeout(LINGER, farewell).await.is_err() {
                tracing::debug!(peer = %self.peer.short(), "closed before all was read");
            }
        }
        why
    }

    /// Reads frames for as long as the core takes them: while its channel is full nothing is
    /// read, and the peer's sending stalls.
    async fn read(&self, reader: &mut BufReader<ReadHalf<Stream>>) -> Closed {
        let (peer, link) = (self.peer, self.id);
        loop {
            let bytes = match frame::read(reader).await {
                Ok(bytes) => bytes,
                Err(why) => return why,
            };
            tracing::trace!(peer = %peer.short(), bytes = bytes.len(), "frame received");
            if self.emit(Event::Frame { peer, link, bytes }).await.is_err() {
                return Closed::Shutdown;
            }
        }
    }

    /// Writes frames until the outbox is stopped and empty, then ends this side of the stream.
    /// Many small frames go out together; what is written is flushed when no more is queued.
    async fn write(&self, mut writer: BufWriter<WriteHalf<Stream>>) -> Closed {
        let (peer, link) = (self.peer, self.id);
        while let Some(first) = self.outbox.next().await {
            let mut next = Some(first);
            while let Some(bytes) = next {
                if let Err(error) = frame::write(&mut writer, &bytes).await {
                    return frame::broken(&error);
                }
                tracing::trace!(peer = %peer.short(), bytes = bytes.len(), "frame sent");
                if self.outbox.written(&bytes)
                    && self.emit(Event::Drained { peer, link }).await.is_err()
                {
                    return Closed::Shutdown;
                }
                next = self.outbox.take();
            }
            if let Err(error) = writer.flush().await {
                return frame::broken(&error);
            }
        }
        match writer.close().await {
            Ok(()) => self.outbox.stopped().await,
            Err(error) => frame::broken(&error),
        }
    }

    async fn emit(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event.into()).await.map_err(|_| Gone)
    }
}

/// The core has dropped its end of the channel.
#[derive(Debug)]
struct Gone;

/// Reads until the peer has ended its side too.
async fn discard(reader: &mut BufReader<ReadHalf<Stream>>) {
    let mut scrap = vec![0; BUFFER];
    while matches!(reader.read(&mut scrap).await, Ok(1..)) {}
}
