//! Frames in one direction of one connection: lengths and bytes inside a single endless zstd stream.
//!
//! One context per direction, kept as long as the connection: a small batch compresses against all
//! that went before it. Each burst ends in a flush, so the reader can decode all of it at once.
//!
//! Between nodes that both know of them, that stream is cut into *pieces*, each with a head, and a frame that would not get smaller
//! may be a piece of its own, as it is.

use bytes::{Buf, Bytes, BytesMut};
use lc_core::wire::put_varint;
use zstd::zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use crate::error::Error;

/// Turns frames into compressed bytes.
pub(crate) struct FrameEncoder {
    context: CCtx<'static>,
}

impl FrameEncoder {
    pub(crate) fn new(tuning: Tuning) -> Result<FrameEncoder, Error> {
        let mut context = CCtx::try_create().ok_or_else(|| not_made(0))?;
        let settings = [
            CParameter::CompressionLevel(tuning.level),
            CParameter::WindowLog(WINDOW_LOG),
            CParameter::HashLog(tuning.hash_log),
            CParameter::MinMatch(tuning.match_bytes_min),
        ];
        for setting in settings {
            context.set_parameter(setting).map_err(not_made)?;
        }
        Ok(FrameEncoder { context })
    }

    /// Begins a frame of `length` bytes; `put` must then bring exactly those.
    pub(crate) fn begin(&mut self, length: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        let length = u32::try_from(length).expect("bounded by the frame cap");
        self.put(&length.to_le_bytes(), out)
    }

    /// Appends a piece of the frame. Its compressed bytes may come only with a later call.
    pub(crate) fn put(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut input = InBuffer::around(piece);
        while input.pos() < piece.len() {
            // Of a large piece about half may be left: growing step by step would move it many times.
            out.reserve(((piece.len() - input.pos()) / 2).max(OUTPUT_STEP_BYTES));
            let at = out.len();
            let mut output = OutBuffer::around_pos(out, at);
            self.context.compress_stream(&mut output, &mut input).map_err(not_made)?;
        }
        Ok(())
    }

    /// Appends whatever is still held back: the reader can decode everything put so far.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        loop {
            out.reserve(OUTPUT_STEP_BYTES);
            let at = out.len();
            let mut output = OutBuffer::around_pos(out, at);
            if self.context.flush_stream(&mut output).map_err(not_made)? == 0 {
                return Ok(());
            }
        }
    }
}

/// The head of a piece.
pub(crate) fn piece_head(length: usize, is_frame: bool) -> Vec<u8> {
    let mut head = Vec::with_capacity(PIECE_HEAD_BYTES_MAX);
    put_varint(&mut head, (length as u64) << 1 | u64::from(is_frame));
    head
}

/// Turns compressed bytes back into frames, whatever the bytes are.
///
/// Holds one chunk of input, one buffer of output and one unfinished frame, none larger than its bound.
pub(crate) struct FrameDecoder {
    context: DCtx<'static>,
    /// What came and was not looked at.
    input: Bytes,
    piece: Piece,
    /// Of the piece that is being read.
    compressed: Bytes,
    plain: Vec<u8>,
    plain_at: usize,
    plain_end: usize,
    partial: Partial,
    frame_bytes_max: usize,
}

/// Where in the pieces the reader is.
enum Piece {
    /// There are none: all is one compressed stream.
    None,
    /// Before or in a head.
    Head { value: u64, bits: u32 },
    /// So many bytes of the compressed stream are still to come.
    Compressed { left: usize },
    /// A frame as it is.
    Frame { length: usize, body: BytesMut },
}

const NO_HEAD: Piece = Piece::Head { value: 0, bits: 0 };

/// The frame being put together.
#[derive(Default)]
struct Partial {
    head: [u8; 4],
    head_filled: usize,
    length: usize,
    body: BytesMut,
}

impl FrameDecoder {
    pub(crate) fn new(frame_bytes_max: usize, in_pieces: bool) -> Result<FrameDecoder, Error> {
        let mut context = DCtx::try_create().ok_or_else(|| not_made(0))?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(not_made)?;
        context.init().map_err(not_made)?;
        Ok(FrameDecoder {
            context,
            input: Bytes::new(),
            piece: if in_pieces { NO_HEAD } else { Piece::None },
            compressed: Bytes::new(),
            plain: vec![0; PLAIN_BYTES],
            plain_at: 0,
            plain_end: 0,
            partial: Partial::default(),
            frame_bytes_max,
        })
    }

    /// Gives it a chunk; only after `next_frame` said that there is no more in the last one.
    pub(crate) fn feed(&mut self, chunk: Bytes) {
        assert!(self.input.is_empty() && self.compressed.is_empty(), "the last chunk was read to its end");
        self.input = chunk;
    }

    /// The next whole frame, or `None` when more input is needed.
    ///
    /// # Errors
    /// `Malformed` if the bytes are no frames, or a frame is above its bound. Nothing can be read after that.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(frame) = self.next_compressed()? {
                return Ok(Some(frame));
            }
            if self.input.is_empty() {
                return Ok(None);
            }
            if let Some(frame) = self.go_on()? {
                return Ok(Some(frame));
            }
        }
    }

    /// Takes a step in the pieces; gives the frame that is one, if it is whole now. All that is compressed and came
    /// before has been read.
    fn go_on(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.piece {
            Piece::None => self.compressed = std::mem::take(&mut self.input),
            Piece::Head { value, bits } => {
                let byte = self.input.get_u8();
                *value |= u64::from(byte & 0x7f) << *bits;
                *bits += 7;
                if byte < 0x80 {
                    let value = *value;
                    self.piece = self.begin(value)?;
                } else if *bits as usize >= 7 * PIECE_HEAD_BYTES_MAX {
                    return Err(Error::Malformed { reason: "the head of a piece does not end".to_owned() });
                }
            }
            Piece::Compressed { left } => {
                let length = self.input.len().min(*left);
                self.compressed = self.input.split_to(length);
                *left -= length;
                if *left == 0 {
                    self.piece = NO_HEAD;
                }
            }
            Piece::Frame { length, body } => {
                let more = self.input.len().min(*length - body.len());
                body.extend_from_slice(&self.input[..more]);
                self.input.advance(more);
                if body.len() == *length {
                    let body = std::mem::take(body);
                    self.piece = NO_HEAD;
                    return Ok(Some(body.freeze()));
                }
            }
        }
        Ok(None)
    }

    fn begin(&self, head: u64) -> Result<Piece, Error> {
        let malformed = |reason: String| Err(Error::Malformed { reason });
        let (length, is_frame) = ((head >> 1) as usize, head & 1 == 1);
        if length == 0 {
            return malformed("a piece of nothing".to_owned());
        }
        if !is_frame {
            return Ok(Piece::Compressed { left: length });
        }
        if length > self.frame_bytes_max {
            return malformed(format!("a frame of {length} bytes, the bound is {}", self.frame_bytes_max));
        }
        if self.partial.head_filled > 0 {
            return malformed("a frame inside of another".to_owned());
        }
        // As in `Partial::begin`.
        Ok(Piece::Frame { length, body: BytesMut::with_capacity(length.min(BODY_BYTES_AT_ONCE)) })
    }

    /// The next whole frame of what is compressed, or `None` when more of it is needed.
    fn next_compressed(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let plain = &self.plain[self.plain_at..self.plain_end];
            let (used, frame) = self.partial.absorb(plain, self.frame_bytes_max)?;
            self.plain_at += used;
            if frame.is_some() {
                return Ok(frame);
            }
            if !self.inflate()? {
                return Ok(None);
            }
        }
    }

    /// Decodes the next piece of input into `plain`; false if there is no input left.
    fn inflate(&mut self) -> Result<bool, Error> {
        // A full buffer means that the context may hold more output, even without input.
        let may_hold_more = self.plain_end == self.plain.len();
        if self.compressed.is_empty() && !may_hold_more {
            return Ok(false);
        }
        let mut input = InBuffer::around(&self.compressed);
        let mut output = OutBuffer::around(&mut self.plain[..]);
        let left = self
            .context
            .decompress_stream(&mut output, &mut input)
            .map_err(|code| Error::Malformed { reason: format!("not decodable: {}", get_error_name(code)) })?;
        let (read, made) = (input.pos(), output.pos());
        self.compressed.advance(read);
        (self.plain_at, self.plain_end) = (0, made);
        if left == 0 {
            return Err(Error::Malformed { reason: "the compressed stream ended".to_owned() });
        }
        Ok(read > 0 || made > 0)
    }
}

impl Partial {
    /// Takes what it can from `plain`: how much that was, and the frame if it is whole now.
    fn absorb(&mut self, plain: &[u8], frame_bytes_max: usize) -> Result<(usize, Option<Bytes>), Error> {
        let head_bytes = plain.len().min(self.head.len() - self.head_filled);
        if head_bytes > 0 {
            self.head[self.head_filled..][..head_bytes].copy_from_slice(&plain[..head_bytes]);
            self.head_filled += head_bytes;
            if self.head_filled == self.head.len() {
                self.begin(frame_bytes_max)?;
            }
        }
        if self.head_filled < self.head.len() {
            return Ok((head_bytes, None));
        }
        let body = &plain[head_bytes..];
        let body = &body[..body.len().min(self.length - self.body.len())];
        self.body.extend_from_slice(body);
        let whole = self.body.len() == self.length;
        Ok((head_bytes + body.len(), whole.then(|| self.finish())))
    }

    fn begin(&mut self, frame_bytes_max: usize) -> Result<(), Error> {
        let length = u32::from_le_bytes(self.head) as usize;
        if length > frame_bytes_max {
            return Err(Error::Malformed {
                reason: format!("a frame of {length} bytes, the bound is {frame_bytes_max}"),
            });
        }
        self.length = length;
        // A large one grows as bytes really come: a claimed length alone costs little. A usual one is not to be moved.
        self.body = BytesMut::with_capacity(length.min(BODY_BYTES_AT_ONCE));
        Ok(())
    }

    fn finish(&mut self) -> Bytes {
        std::mem::take(self).body.freeze()
    }
}

fn not_made(code: usize) -> Error {
    Error::System { what: "compress frames", source: std::io::Error::other(get_error_name(code)) }
}

/// How hard the encoder tries; chosen by measurement, see the decision of 2026-11-21.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuning {
    pub(crate) level: i32,
    pub(crate) hash_log: u32,
    pub(crate) match_bytes_min: u32,
}

/// What links use.
pub(crate) const TUNING: Tuning = Tuning { level: 1, hash_log: 16, match_bytes_min: 5 };

/// 256 KiB of history: about a second of 2,000 small writes.
const WINDOW_LOG: u32 = 18;
/// The decoder allows a little more, so that a later release may raise the window.
const WINDOW_LOG_MAX: u32 = 20;
/// Room made before each compression step; a flushed small burst needs less.
const OUTPUT_STEP_BYTES: usize = 1024;
const PLAIN_BYTES: usize = 64 * 1024;
/// A length below 2^34 and one bit.
pub(crate) const PIECE_HEAD_BYTES_MAX: usize = 5;
/// An answer of records takes somewhat more than 256 KiB.
const BODY_BYTES_AT_ONCE: usize = 512 * 1024;

#[cfg(test)]
mod tests;
