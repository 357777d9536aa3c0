//! A UDP socket that holds datagrams back as long as distance would.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lc_env::{pause, spawn_thread};
use parking_lot::{Condvar, Mutex};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::delay_line::{Datagram, DelayLine, Fate};
use super::{LinkShape, WanEmulation};
use crate::moment;
use crate::moment::Instant;

/// Sends shaped datagrams through a courier thread, all others at once; receives as the socket below does.
///
/// The courier is a thread and no task, because a task's timer is only good to a millisecond. It sleeps while
/// nothing is under way and ends when the socket is dropped.
pub(crate) struct ShapedSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    wan: WanEmulation,
    courier: Arc<Courier>,
}

struct Courier {
    line: Mutex<Line>,
    /// Something arrives sooner than thought, or the socket is gone.
    sooner: Condvar,
}

struct Line {
    delays: DelayLine,
    closed: bool,
}

impl ShapedSocket {
    pub(crate) fn new(socket: Arc<dyn AsyncUdpSocket>, wan: WanEmulation) -> ShapedSocket {
        let courier = Arc::new(Courier {
            line: Mutex::new(Line { delays: DelayLine::new(wan.shapes.seed), closed: false }),
            sooner: Condvar::new(),
        });
        let (run, below, shapes) = (courier.clone(), socket.clone(), wan.clone());
        // Not joined: it ends by itself once the socket is dropped.
        let _ = spawn_thread("lc-wan", move || run.deliver_all(&*below, &shapes));
        ShapedSocket { socket, wan, courier }
    }
}

impl Drop for ShapedSocket {
    fn drop(&mut self) {
        self.courier.line.lock().closed = true;
        self.courier.sooner.notify_one();
    }
}

impl fmt::Debug for ShapedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShapedSocket over {:?}", self.socket)
    }
}

impl Courier {
    /// Takes a transmit apart into its datagrams and puts each on its way.
    fn accept(&self, transmit: &Transmit<'_>, shape: &LinkShape) {
        let segment = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        let now = moment::now();
        let mut sooner = false;
        let mut line = self.line.lock();
        for contents in transmit.contents.chunks(segment) {
            let datagram = Datagram {
                destination: transmit.destination,
                source: transmit.src_ip,
                ecn: transmit.ecn,
                contents: contents.into(),
            };
            sooner |= line.delays.offer(now, shape, datagram) == Fate::UnderWay { first: true };
        }
        drop(line);
        if sooner {
            self.sooner.notify_one();
        }
    }

    fn deliver_all(&self, socket: &dyn AsyncUdpSocket, wan: &WanEmulation) {
        let (mut arrived, mut train) = (Vec::new(), Vec::new());
        while self.wait_for_arrivals(&mut arrived) {
            let begun = moment::now();
            // A cut loses also what is already under way.
            arrived.retain(|datagram: &Datagram| !wan.shape(datagram.destination).cut);
            let mut left = arrived.as_slice();
            while !left.is_empty() {
                let (together, rest) = left.split_at(train_length(left, socket.max_transmit_segments()));
                deliver(socket, together, &mut train);
                left = rest;
            }
            let many = arrived.len() > 1;
            arrived.clear();
            if many {
                self.gather(begun);
            }
        }
    }

    /// Where datagrams come one upon the other, waits for company, as a network card does: each alone costs a system call.
    fn gather(&self, begun: Instant) {
        let mut line = self.line.lock();
        let until = begun + GATHER;
        while !line.closed && moment::now() < until {
            self.sooner.wait_for(&mut line, until - moment::now());
        }
    }

    /// Waits until something arrives and takes all that has; false when the socket is gone.
    fn wait_for_arrivals(&self, arrived: &mut Vec<Datagram>) -> bool {
        let mut line = self.line.lock();
        loop {
            if line.closed {
                return false;
            }
            let now = moment::now();
            arrived.extend(std::iter::from_fn(|| line.delays.arrived(now)).take(BATCH));
            if !arrived.is_empty() {
                return true;
            }
            match line.delays.next_arrival() {
                Some(next) => drop(self.sooner.wait_for(&mut line, next - now)),
                None => self.sooner.wait(&mut line),
            }
        }
    }
}

/// How many of the first datagrams may be handed to the kernel as one: same way, same size, but the last may be shorter.
fn train_length(datagrams: &[Datagram], most: usize) -> usize {
    let first = &datagrams[0];
    let (size, mut bytes) = (first.contents.len(), first.contents.len());
    let mut length = 1;
    for (before, next) in datagrams.iter().zip(&datagrams[1..]) {
        let alike = (next.destination, next.source, next.ecn) == (first.destination, first.source, first.ecn);
        bytes += next.contents.len();
        if !alike || before.contents.len() < size || next.contents.len() > size || bytes > TRAIN_BYTES || length >= most
        {
            break;
        }
        length += 1;
    }
    length
}

/// Hands datagrams to the kernel; a socket that stays full for a few milliseconds loses them, as a router would.
fn deliver(socket: &dyn AsyncUdpSocket, datagrams: &[Datagram], train: &mut Vec<u8>) {
    let first = &datagrams[0];
    train.clear();
    datagrams.iter().for_each(|datagram| train.extend_from_slice(&datagram.contents));
    let transmit = Transmit {
        destination: first.destination,
        ecn: first.ecn,
        contents: train,
        segment_size: (datagrams.len() > 1).then_some(first.contents.len()),
        src_ip: first.source,
    };
    for _ in 0..FULL_SOCKET_TRIES {
        match socket.try_send(&transmit) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => pause(FULL_SOCKET_PAUSE),
            _ => return,
        }
    }
}

impl AsyncUdpSocket for ShapedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.socket.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match self.wan.shape_set(transmit.destination) {
            None => self.socket.try_send(transmit),
            Some(shape) => {
                self.courier.accept(transmit, &shape);
                Ok(())
            }
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_recv(cx, bufs, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

/// Delivered between two looks at the lock.
const BATCH: usize = 256;
/// What one system call takes, with its headers.
const TRAIN_BYTES: usize = 60_000;
/// A tenth of a percent of a long way, and time for a dozen packets at 1 Gbit/s.
const GATHER: Duration = Duration::from_micros(150);
const FULL_SOCKET_TRIES: u32 = 50;
const FULL_SOCKET_PAUSE: Duration = Duration::from_micros(100);
