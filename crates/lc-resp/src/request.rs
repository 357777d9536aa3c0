//! One request out of a stream of bytes: an array of bulk strings, or a line typed by hand.
//!
//! Nothing is copied and nothing is reserved for what a header merely claims: words are positions in the caller's
//! buffer, and the parser remembers how far it came, so that a request that trickles in costs no more than one that
//! comes at once. A line is the exception: its quotes are resolved into a small buffer of the parser's.

use lc_core::limits::VALUE_BYTES_MAX;
use smallvec::SmallVec;

use crate::Malformed;

/// Bounds on one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most words, the command's name included.
    pub words_max: usize,
    /// Longest word, bytes.
    pub word_bytes_max: usize,
    /// Longest request, all its bytes.
    pub request_bytes_max: usize,
    /// Whether the limits are those of someone who may not do anything yet.
    pub stranger: bool,
}

impl Limits {
    /// For a client that may run commands. As many words as Redis takes; a request may be some entries' worth, for
    /// `MGET` of very many keys: a write of that size is refused later, with its own error.
    pub const CLIENT: Limits = Limits {
        words_max: 1024 * 1024,
        word_bytes_max: VALUE_BYTES_MAX,
        request_bytes_max: 64 * 1024 * 1024,
        stranger: false,
    };
    /// For a client that has yet to authenticate: enough for `HELLO 3 AUTH user password SETNAME name`.
    pub const STRANGER: Limits =
        Limits { words_max: 10, word_bytes_max: 16 * 1024, request_bytes_max: LINE_BYTES_MAX, stranger: true };

    fn check_word_count(&self, count: i64) -> Result<usize, Malformed> {
        match usize::try_from(count.max(0)) {
            Ok(count) if count <= self.words_max => Ok(count),
            _ if self.stranger && count <= Limits::CLIENT.words_max as i64 => Err(Malformed::StrangerWordCount),
            _ => Err(Malformed::WordCount),
        }
    }

    fn check_word_length(&self, length: i64, start: usize) -> Result<usize, Malformed> {
        let length = match usize::try_from(length) {
            Ok(length) if length <= self.word_bytes_max => length,
            Ok(length) if self.stranger && length <= Limits::CLIENT.word_bytes_max => {
                return Err(Malformed::StrangerWordLength);
            }
            _ => return Err(Malformed::WordLength),
        };
        match start + length > self.request_bytes_max {
            true => Err(Malformed::LongRequest(self.request_bytes_max)),
            false => Ok(length),
        }
    }
}

/// Finds requests; one for each connection.
#[derive(Default)]
pub struct Parser {
    stage: Stage,
    words: SmallVec<[Span; WORDS_INLINE]>,
    /// Words of a line, quotes resolved.
    line: Vec<u8>,
    in_line: bool,
}

#[derive(Clone, Copy, Default)]
enum Stage {
    #[default]
    Start,
    /// In a line; `looked` bytes hold no line end.
    Line { looked: usize },
    /// In an array; the next word starts at `at`.
    Words { left: usize, at: usize },
}

/// Where a word is; 32 bits do, a request is never that long.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Parser {
    /// Looks for one whole request at the start of `bytes` and says how many bytes it takes.
    ///
    /// `None`: it is not whole yet; call again with the same bytes and more behind them. Never panics, whatever the bytes.
    pub fn parse(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Malformed> {
        loop {
            match self.stage {
                Stage::Start => match bytes.first() {
                    None => return Ok(None),
                    Some(b'*') => {
                        let Some((count, at)) = number(bytes, 1).map_err(|NotNumber| Malformed::WordCount)? else {
                            return Ok(None);
                        };
                        self.begin(Stage::Words { left: limits.check_word_count(count)?, at });
                    }
                    Some(_) => self.begin(Stage::Line { looked: 0 }),
                },
                Stage::Line { looked } => return self.parse_line(bytes, looked),
                Stage::Words { left: 0, at } => {
                    self.stage = Stage::Start;
                    return Ok(Some(at));
                }
                Stage::Words { left, at } => {
                    let Some(next) = self.parse_word(bytes, at, limits)? else { return Ok(None) };
                    self.stage = Stage::Words { left: left - 1, at: next };
                }
            }
        }
    }

    /// The words of the request that [`Parser::parse`] found in `bytes`; none for an empty one, which has no reply.
    pub fn words<'a>(&'a self, bytes: &'a [u8]) -> SmallVec<[&'a [u8]; WORDS_INLINE]> {
        let source = if self.in_line { &self.line } else { bytes };
        self.words.iter().map(|word| &source[word.start as usize..word.end as usize]).collect()
    }

    /// Whether the request came as a line.
    pub fn is_line(&self) -> bool {
        self.in_line
    }

    fn begin(&mut self, stage: Stage) {
        self.in_line = matches!(stage, Stage::Line { .. });
        self.stage = stage;
        self.words.clear();
        if self.words.capacity() > WORDS_KEPT {
            self.words = SmallVec::new();
        }
    }

    fn parse_word(&mut self, bytes: &[u8], at: usize, limits: &Limits) -> Result<Option<usize>, Malformed> {
        match bytes.get(at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&other) => return Err(Malformed::NotBulk(other)),
        }
        let Some((length, start)) = number(bytes, at + 1).map_err(|NotNumber| Malformed::WordLength)? else {
            return Ok(None);
        };
        let end = start + limits.check_word_length(length, start)?;
        match bytes.get(end..end + 2) {
            None => Ok(None),
            Some(b"\r\n") => {
                self.words.push(Span { start: start as u32, end: end as u32 });
                Ok(Some(end + 2))
            }
            Some(_) => Err(Malformed::NoLineEnd),
        }
    }

    fn parse_line(&mut self, bytes: &[u8], looked: usize) -> Result<Option<usize>, Malformed> {
        let Some(end) = bytes[looked..].iter().position(|&byte| byte == b'\n').map(|at| looked + at) else {
            self.stage = Stage::Line { looked: bytes.len() };
            return if bytes.len() > LINE_BYTES_MAX { Err(Malformed::LongLine) } else { Ok(None) };
        };
        if end > LINE_BYTES_MAX {
            return Err(Malformed::LongLine);
        }
        self.stage = Stage::Start;
        self.line.clear();
        self.split_line(&bytes[..end])?;
        Ok(Some(end + 1))
    }

    fn split_line(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let mut rest = line.trim_ascii_start();
        while !rest.is_empty() {
            let start = self.line.len() as u32;
            rest = push_word(rest, &mut self.line)?.trim_ascii_start();
            self.words.push(Span { start, end: self.line.len() as u32 });
        }
        Ok(())
    }
}

/// Copies the first word of a line without its quotes; gives back what follows it.
fn push_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' | b'\'' => return push_quoted(after, byte, word),
            byte if byte.is_ascii_whitespace() => return Ok(rest),
            byte => {
                word.push(byte);
                after
            }
        };
    }
    Ok(rest)
}

/// Copies up to the closing `quote`, which must end the word.
fn push_quoted<'a>(mut rest: &'a [u8], quote: u8, word: &mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    loop {
        let (&byte, after) = rest.split_first().ok_or(Malformed::Quotes)?;
        rest = match byte {
            byte if byte == quote => {
                return if after.first().is_none_or(u8::is_ascii_whitespace) {
                    Ok(after)
                } else {
                    Err(Malformed::Quotes)
                };
            }
            b'\\' if quote == b'"' => push_escaped(after, word)?,
            b'\\' if after.first() == Some(&b'\'') => {
                word.push(b'\'');
                &after[1..]
            }
            byte => {
                word.push(byte);
                after
            }
        };
    }
}

/// Copies what a backslash inside double quotes stands for.
fn push_escaped<'a>(after: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    let (&byte, rest) = after.split_first().ok_or(Malformed::Quotes)?;
    if let (b'x', Some([high, low])) = (byte, rest.first_chunk::<2>()) {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        if let (Some(high), Some(low)) = (digit(high), digit(low)) {
            word.push((high * 16 + low) as u8);
            return Ok(&rest[2..]);
        }
    }
    word.push(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    });
    Ok(rest)
}

struct NotNumber;

/// The decimal at `at`, up to its CRLF, and where the next byte is; `None` while its end has not come.
fn number(bytes: &[u8], at: usize) -> Result<Option<(i64, usize)>, NotNumber> {
    let negative = bytes.get(at) == Some(&b'-');
    let digits = at + usize::from(negative);
    let mut value = 0i64;
    let mut next = digits;
    loop {
        match bytes.get(next) {
            None => return Ok(None),
            Some(b'\r') if next > digits => break,
            Some(&digit @ b'0'..=b'9') if next - digits < DIGITS_MAX => value = value * 10 + i64::from(digit - b'0'),
            Some(_) => return Err(NotNumber),
        }
        next += 1;
    }
    match bytes.get(next + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((if negative { -value } else { value }, next + 2))),
        Some(_) => Err(NotNumber),
    }
}

/// Longest line, as in Redis.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Digits that always fit into an `i64`, and far more than any limit.
const DIGITS_MAX: usize = 18;
/// Words kept without an allocation: `SET key value EX 10 NX GET` and everything shorter.
const WORDS_INLINE: usize = 8;
/// Words whose room is kept from one request to the next.
const WORDS_KEPT: usize = 1024;

#[cfg(test)]
mod tests;
