//! The life of one authenticated connection: hello, then frames both ways until something ends it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};
use tokio::time::{sleep_until, timeout};

use crate::error::{CLOSE_CONNECTED_ALREADY, Error};
use crate::frame_stream::{FrameDecoder, FrameEncoder, PIECE_HEAD_BYTES_MAX, TUNING, piece_head};
use crate::hello::{HELLO_BYTES_MAX, Hello, VERSION_WITH_PIECES};
use crate::link::LinkEvent;
use crate::moment;
use crate::node::Node;
use crate::peer::{Counters, Peer, Present};
use crate::rival;
use crate::transport::send_window_bytes;
use crate::worth::{Worth, is_large};

/// Runs a connection to its end and says why it ended. Emits `Up` and, if it did, `Down`.
pub(crate) async fn run(node: &Node, peer: &Peer, connection: Connection) -> Error {
    let error = greet_and_carry(node, peer, &connection).await;
    // Does nothing if the connection is closed already.
    connection.close(close_code(&error).into(), error.to_string().as_bytes());
    error
}

async fn greet_and_carry(node: &Node, peer: &Peer, connection: &Connection) -> Error {
    let greeting = tokio::select! {
        biased;
        () = peer.stopped() => return Error::Stopped,
        greeting = greet(node, peer, connection) => greeting,
    };
    let streams = match greeting {
        Ok(streams) => streams,
        Err(error) => return error,
    };
    let _turn = tokio::select! {
        biased;
        () = peer.stopped() => return Error::Stopped,
        turn = peer.turn.lock() => turn,
    };
    match connection.close_reason() {
        Some(reason) => reason.into(),
        None => carry(node, peer, connection, streams).await,
    }
}

/// Between `Up` and `Down`. An event that nobody receives any more is not an error here: the node is ending.
async fn carry(node: &Node, peer: &Peer, connection: &Connection, streams: Streams) -> Error {
    let Streams { out, input, in_pieces } = streams;
    let (id, rtt) = (peer.node_id, connection.rtt());
    peer.go_up(connection);
    let _ = node.events.send(LinkEvent::Up { peer: id, rtt }).await;
    let error = tokio::select! {
        biased;
        () = peer.stopped() => Error::Stopped,
        error = read_frames(node, peer, input, in_pieces) => error,
        error = write_frames(node, peer, connection, (out, in_pieces)) => error,
        reason = connection.closed() => reason.into(),
    };
    // Before the event: the peer should not wait for our consumer.
    connection.close(close_code(&error).into(), error.to_string().as_bytes());
    peer.go_down(&error);
    let _ = node.events.send(LinkEvent::Down { peer: id, reason: error.to_string() }).await;
    error
}

/// Both say who they are and check the other; the streams then carry frames. Who accepts says it last, so that its
/// hello also means that the dialler is let in.
async fn greet(node: &Node, peer: &Peer, connection: &Connection) -> Result<Streams, Error> {
    let hello = Hello::new(&node.cluster_id, &node.name, node.process);
    let late = |_| no_answer(node, connection.remote_address());
    let soon = node.limits.dial_timeout;
    if node.dials(&peer.name) {
        let (present, streams) = timeout(soon + rival::silence(&node.limits), async {
            let out = say_hello(connection, &hello).await?;
            let (present, input) = hear_hello(connection, &hello, peer).await?;
            Ok::<(Present, Streams), Error>((present.clone(), Streams::new(out, input, &present)))
        })
        .await
        .map_err(late)??;
        rival::settle(node, peer, &present).await?;
        return Ok(streams);
    }
    let (present, input) = timeout(soon, hear_hello(connection, &hello, peer)).await.map_err(late)??;
    rival::settle(node, peer, &present).await?;
    let out = timeout(soon, say_hello(connection, &hello)).await.map_err(late)??;
    Ok(Streams::new(out, input, &present))
}

async fn say_hello(connection: &Connection, hello: &Hello) -> Result<SendStream, Error> {
    let mut out = connection.open_uni().await?;
    out.write_all(&hello.frame()).await?;
    Ok(out)
}

async fn hear_hello(connection: &Connection, ours: &Hello, peer: &Peer) -> Result<(Present, RecvStream), Error> {
    let mut input = connection.accept_uni().await?;
    let theirs = read_hello(&mut input).await?;
    let version = ours.agree(&theirs, &peer.name)?;
    Ok((Present { connection: connection.clone(), process: theirs.process, version }, input))
}

async fn read_hello(input: &mut RecvStream) -> Result<Hello, Error> {
    let mut length = [0; 4];
    read_exact(input, &mut length).await?;
    let length = u32::from_le_bytes(length) as usize;
    let refused = |reason: String| Error::Refused { reason };
    if length > HELLO_BYTES_MAX {
        return Err(refused(format!("a hello of {length} bytes, the bound is {HELLO_BYTES_MAX}")));
    }
    let mut body = vec![0; length];
    read_exact(input, &mut body).await?;
    prost::Message::decode(&body[..]).map_err(|e| refused(format!("an unreadable hello: {e}")))
}

async fn read_exact(input: &mut RecvStream, bytes: &mut [u8]) -> Result<(), Error> {
    input.read_exact(bytes).await.map_err(|error| match error {
        quinn::ReadExactError::ReadError(error) => error.into(),
        quinn::ReadExactError::FinishedEarly(_) => ended_its_stream(),
    })
}

/// Waits for the consumer when it is slow: QUIC's window then holds the sender back.
async fn read_frames(node: &Node, peer: &Peer, mut input: RecvStream, in_pieces: bool) -> Error {
    let mut decoder = match FrameDecoder::new(node.limits.frame_bytes_max, in_pieces) {
        Ok(decoder) => decoder,
        Err(error) => return error,
    };
    loop {
        let chunk = match input.read_chunk(CHUNK_BYTES, true).await {
            Ok(Some(chunk)) => chunk.bytes,
            Ok(None) => return ended_its_stream(),
            Err(error) => return error.into(),
        };
        Counters::count(&peer.counters.received_compressed_bytes, chunk.len());
        decoder.feed(chunk);
        if let Err(error) = pass_on(node, peer, &mut decoder).await {
            return error;
        }
    }
}

async fn pass_on(node: &Node, peer: &Peer, decoder: &mut FrameDecoder) -> Result<(), Error> {
    while let Some(frame) = decoder.next_frame()? {
        Counters::count(&peer.counters.received_frames, 1);
        Counters::count(&peer.counters.received_raw_bytes, frame.len());
        let unread = peer.inbox.enter(frame.len()).await;
        let event = LinkEvent::Frame { peer: peer.node_id, frame, unread };
        node.events.send(event).await.map_err(|_| Error::Stopped)?;
    }
    Ok(())
}

async fn write_frames(
    node: &Node,
    peer: &Peer,
    connection: &Connection,
    (out, in_pieces): (SendStream, bool),
) -> Error {
    let mut writer = match Writer::new(out, in_pieces) {
        Ok(writer) => writer,
        Err(error) => return error,
    };
    let mut burst = Vec::new();
    let mut next_flush = moment::now();
    loop {
        peer.outbox.filled().await;
        if moment::now() < next_flush {
            sleep_until(next_flush).await;
        }
        let mut more = true;
        while more {
            more = peer.outbox.take(BURST_BYTES, &mut burst);
            if let Err(error) = writer.write_burst(peer, connection, &burst).await {
                return error;
            }
            peer.outbox.release(&burst);
            burst.clear();
        }
        next_flush = moment::now() + node.limits.coalesce;
    }
}

struct Writer {
    encoder: FrameEncoder,
    out: SendStream,
    /// In pieces there is room for a head in front.
    compressed: Vec<u8>,
    head_bytes: usize,
    /// Only for a peer who knows pieces.
    worth: Option<Worth>,
    /// Written since the send window was last fitted to the network.
    unchecked_bytes: usize,
}

impl Writer {
    fn new(out: SendStream, in_pieces: bool) -> Result<Writer, Error> {
        let head_bytes = if in_pieces { PIECE_HEAD_BYTES_MAX } else { 0 };
        Ok(Writer {
            encoder: FrameEncoder::new(TUNING)?,
            out,
            compressed: Vec::new(),
            head_bytes,
            worth: in_pieces.then(Worth::new),
            unchecked_bytes: 0,
        })
    }

    async fn write_burst(&mut self, peer: &Peer, connection: &Connection, burst: &[Bytes]) -> Result<(), Error> {
        for frame in burst {
            self.write_frame(peer, connection, frame).await?;
            Counters::count(&peer.counters.sent_frames, 1);
            Counters::count(&peer.counters.sent_raw_bytes, frame.len());
        }
        Counters::count(&peer.counters.flushes, 1);
        self.flush(peer, connection).await?;
        Ok(())
    }

    async fn write_frame(&mut self, peer: &Peer, connection: &Connection, frame: &Bytes) -> Result<(), Error> {
        let Some(worth) = self.worth.as_mut().filter(|_| is_large(frame.len())) else {
            self.compress(peer, connection, frame).await?;
            return Ok(());
        };
        let alone = worth.leaves_alone(frame.len(), bytes_per_s(connection));
        // What waits in the encoder comes before it, and does not count as what became of it.
        self.flush(peer, connection).await?;
        if alone {
            let head = Bytes::from(piece_head(frame.len(), true));
            return self.write_all(peer, connection, &mut [head, frame.clone()]).await;
        }
        let written = self.compress(peer, connection, frame).await? + self.flush(peer, connection).await?;
        if let Some(worth) = &mut self.worth {
            worth.tried(frame.len(), written);
        }
        Ok(())
    }

    /// Gives how many bytes were written; others still wait.
    async fn compress(&mut self, peer: &Peer, connection: &Connection, frame: &Bytes) -> Result<usize, Error> {
        let mut written = 0;
        self.leave_room();
        self.encoder.begin(frame.len(), &mut self.compressed)?;
        for piece in frame.chunks(CHUNK_BYTES) {
            self.leave_room();
            self.encoder.put(piece, &mut self.compressed)?;
            if self.compressed.len() >= CHUNK_BYTES {
                written += self.write_compressed(peer, connection).await?;
            }
        }
        Ok(written)
    }

    async fn flush(&mut self, peer: &Peer, connection: &Connection) -> Result<usize, Error> {
        self.leave_room();
        self.encoder.flush(&mut self.compressed)?;
        self.write_compressed(peer, connection).await
    }

    /// For the head of a piece.
    fn leave_room(&mut self) {
        if self.compressed.is_empty() {
            self.compressed.reserve(WRITTEN_BYTES_USUAL);
            self.compressed.resize(self.head_bytes, 0);
        }
    }

    async fn write_compressed(&mut self, peer: &Peer, connection: &Connection) -> Result<usize, Error> {
        let length = self.compressed.len().saturating_sub(self.head_bytes);
        if length == 0 {
            return Ok(0);
        }
        let mut bytes = std::mem::take(&mut self.compressed);
        let mut begin = 0;
        if self.head_bytes > 0 {
            let head = piece_head(length, false);
            begin = PIECE_HEAD_BYTES_MAX - head.len();
            bytes[begin..PIECE_HEAD_BYTES_MAX].copy_from_slice(&head);
        }
        self.write_all(peer, connection, &mut [Bytes::from(bytes).slice(begin..)]).await?;
        Ok(length)
    }

    async fn write_all(&mut self, peer: &Peer, connection: &Connection, chunks: &mut [Bytes]) -> Result<(), Error> {
        let length = chunks.iter().map(Bytes::len).sum();
        Counters::count(&peer.counters.sent_compressed_bytes, length);
        self.unchecked_bytes += length;
        if self.unchecked_bytes >= CHUNK_BYTES {
            self.unchecked_bytes = 0;
            connection.set_send_window(send_window_bytes(connection.stats().path.cwnd));
        }
        Ok(self.out.write_all_chunks(chunks).await?)
    }
}

/// About what the way to the peer carries, as far as it is known.
fn bytes_per_s(connection: &Connection) -> u64 {
    let path = connection.stats().path;
    (u128::from(path.cwnd) * 1_000_000 / path.rtt.as_micros().max(1)) as u64
}

fn ended_its_stream() -> Error {
    Error::Lost { reason: "the peer ended its stream".to_owned() }
}

/// Nothing, or not enough, was heard from `address` within the dial time-out.
pub(crate) fn no_answer(node: &Node, address: SocketAddr) -> Error {
    Error::NoAnswer { address, waited_ms: node.limits.dial_timeout.as_millis() }
}

/// For those who read packet captures; peers read the text.
fn close_code(error: &Error) -> u32 {
    match error {
        Error::Malformed { .. } => 1,
        Error::Refused { .. } | Error::Identity { .. } => 2,
        Error::ConnectedAlready { .. } => CLOSE_CONNECTED_ALREADY,
        _ => 0,
    }
}

/// Of one connection.
struct Streams {
    out: SendStream,
    input: RecvStream,
    /// Whether both ends know pieces.
    in_pieces: bool,
}

impl Streams {
    fn new(out: SendStream, input: RecvStream, present: &Present) -> Streams {
        Streams { out, input, in_pieces: present.version >= VERSION_WITH_PIECES }
    }
}

/// Frames of about this much are compressed and flushed together.
const BURST_BYTES: usize = 256 * 1024;
/// Room for a usual flush at once.
const WRITTEN_BYTES_USUAL: usize = 1500;
/// Read, compressed and written in parts of this size.
const CHUNK_BYTES: usize = 64 * 1024;

/// A connection that lived this long was a good one: the next failure starts with the shortest pause.
pub(crate) const GOOD_LIFE: Duration = Duration::from_secs(1);
