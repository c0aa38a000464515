//! Frames on a stream: a length of four bytes, big-endian, then that many bytes.

use std::io;

use libp2p::futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Closed;

/// The longest frame, in bytes: a MiB of payload and room for what goes around it.
pub const MAX_FRAME: usize = 1024 * 1024 + 64 * 1024;

/// How much is allocated before any byte of a frame has arrived.
const FIRST_ALLOCATION: usize = 64 * 1024;

/// Reads one frame. The announced length is checked before anything is allocated, and memory
/// grows with what arrives rather than with what is promised.
pub(super) async fn read<R: AsyncRead + Unpin>(reader: &mut R) -> Result<Vec<u8>, Closed> {
    let announced = length(reader).await?;
    let len = usize::try_from(announced).unwrap_or(usize::MAX);
    if len == 0 {
        return Err(Closed::EmptyFrame);
    }
    if len > MAX_FRAME {
        return Err(Closed::FrameTooLong { announced });
    }
    let mut frame = Vec::with_capacity(len.min(FIRST_ALLOCATION));
    let mut body = reader.take(u64::from(announced));
    body.read_to_end(&mut frame)
        .await
        .map_err(|error| broken(&error))?;
    if frame.len() < len {
        return Err(Closed::TornFrame);
    }
    Ok(frame)
}

/// Reads the length before a frame; the end of the stream is a good end only before its first byte.
async fn length<R: AsyncRead + Unpin>(reader: &mut R) -> Result<u32, Closed> {
    let mut bytes = [0; 4];
    let mut rest = bytes.as_mut_slice();
    let whole = rest.len();
    while !rest.is_empty() {
        match reader.read(rest).await {
            Ok(0) if rest.len() == whole => return Err(Closed::ByPeer),
            Ok(0) => return Err(Closed::TornFrame),
            Ok(n) => rest = rest.get_mut(n..).unwrap_or_default(),
            Err(error) => return Err(broken(&error)),
        }
    }
    Ok(u32::from_be_bytes(bytes))
}

/// Writes one frame, without flushing. `frame` has between 1 and [`MAX_FRAME`] bytes, as
/// [`super::outbox::Outbox::push`] has checked.
pub(super) async fn write<W: AsyncWrite + Unpin>(writer: &mut W, frame: &[u8]) -> io::Result<()> {
    let len = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    writer.write_all(&len.to_be_bytes()).await?;
    writer.write_all(frame).await
}

/// What an error of the stream means for the link.
pub(super) fn broken(error: &io::Error) -> Closed {
    use quinn_proto::ConnectionError;

    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<ConnectionError>() {
            Some(ConnectionError::TimedOut) => return Closed::Silent,
            Some(ConnectionError::ApplicationClosed(_) | ConnectionError::ConnectionClosed(_)) => {
                return Closed::ByPeer;
            }
            // A stateless reset: the peer has restarted and does not know the connection.
            Some(ConnectionError::Reset) => return Closed::Broken(io::ErrorKind::ConnectionReset),
            Some(_) | None => cause = error.source(),
        }
    }
    let kind = error.kind();
    if kind == io::ErrorKind::TimedOut {
        // The kernel's word for a TCP connection whose peer no longer acknowledges anything.
        Closed::Silent
    } else if kind == super::muxer::CLOSED_BY_PEER {
        Closed::ByPeer
    } else {
        Closed::Broken(kind)
    }
}

#[cfg(test)]
mod tests {
    use libp2p::futures::executor::block_on;
    use libp2p::futures::io::Cursor;

    use super::*;

    fn check(stream: &[u8], expected: &[Result<&[u8], Closed>]) {
        let mut reader = Cursor::new(stream);
        for expected in expected {
            let read = block_on(read(&mut reader));
            assert_eq!(read.as_deref(), expected.as_deref(), "{stream:x?}");
        }
    }

    #[test]
    fn frames() {
        check(b"", &[Err(Closed::ByPeer)]);
        check(
            b"\0\0\0\x01a\0\0\0\x02bc",
            &[Ok(b"a"), Ok(b"bc"), Err(Closed::ByPeer)],
        );
        check(b"\0\0\0\0", &[Err(Closed::EmptyFrame)]);
        check(b"\0\0\0", &[Err(Closed::TornFrame)]);
        check(b"\0\0\0\x02b", &[Err(Closed::TornFrame)]);
        check(b"\0\0\0\x02", &[Err(Closed::TornFrame)]);
        check(
            b"\xff\xff\xff\xff",
            &[Err(Closed::FrameTooLong {
                announced: u32::MAX,
            })],
        );
        check(
            b"GET / HTTP/1.1",
            &[Err(Closed::FrameTooLong {
                announced: 0x4745_5420,
            })],
        );
        let over = u32::try_from(MAX_FRAME + 1).unwrap();
        check(
            &over.to_be_bytes(),
            &[Err(Closed::FrameTooLong { announced: over })],
        );
    }

    #[test]
    fn the_longest_frame_goes_through() {
        let frame = vec![7; MAX_FRAME];
        let mut stream = Vec::new();
        block_on(write(&mut stream, &frame)).unwrap();
        assert_eq!(stream.len(), MAX_FRAME + 4);
        check(&stream, &[Ok(&frame), Err(Closed::ByPeer)]);
    }
}
