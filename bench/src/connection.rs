//! A connection that sends prepared bytes and counts or reads replies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::Failure;

/// Bytes of every value, as in the benchmark's table.
pub const VALUE_BYTES: usize = 160;

/// A blocking connection to a server on this machine.
pub struct Connection {
    stream: TcpStream,
    scratch: Vec<u8>,
}

impl Connection {
    /// Connects, without waiting to fill packets.
    pub fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| format!("port {port}: {error}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, scratch: vec![0; 256 * 1024] })
    }

    /// Sends all of it.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Reads and forgets exactly so many bytes. The first byte tells an error reply from what was expected.
    pub fn skip(&mut self, count: usize) -> Result<(), Failure> {
        let mut left = count;
        while left > 0 {
            let room = left.min(self.scratch.len());
            let got = self.stream.read(&mut self.scratch[..room])?;
            if got == 0 {
                return Err("the server closed the connection".into());
            }
            if left == count && self.scratch[0] == b'-' {
                return Err(format!("error reply: {}", String::from_utf8_lossy(&self.scratch[..got.min(200)])).into());
            }
            left -= got;
        }
        Ok(())
    }

    /// A second handle for reading replies line by line on another thread.
    pub fn replies(&self) -> Result<Replies, Failure> {
        Ok(Replies(BufReader::with_capacity(64 * 1024, self.stream.try_clone()?)))
    }
}

/// The reading half of a connection.
pub struct Replies(BufReader<TcpStream>);

impl Replies {
    /// One line without its end, such as `+OK` or the header of a bulk string.
    pub fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err("the server closed the connection".into());
        }
        let line = line.trim_end().to_owned();
        if line.starts_with('-') { Err(format!("error reply: {line}").into()) } else { Ok(line) }
    }

    /// A bulk string, or nothing for a missing key.
    pub fn bulk(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let header = self.line()?;
        if header == "$-1" || header == "_" {
            return Ok(None);
        }
        let length: usize = header
            .strip_prefix('$')
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| format!("not a bulk string: {header}"))?;
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(Some(bytes))
    }
}

/// The name redis-benchmark gives to its `number`th key, 16 bytes.
pub fn key(number: u64) -> String {
    format!("key:{number:012}")
}

/// Appends `SET key value`.
pub fn push_set(buffer: &mut Vec<u8>, key: &str, value: &str) {
    let head = format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n", key.len(), value.len());
    buffer.extend_from_slice(head.as_bytes());
    buffer.extend_from_slice(value.as_bytes());
    buffer.extend_from_slice(b"\r\n");
}

/// Appends `GET key`.
pub fn push_get(buffer: &mut Vec<u8>, key: &str) {
    buffer.extend_from_slice(format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()).as_bytes());
}
