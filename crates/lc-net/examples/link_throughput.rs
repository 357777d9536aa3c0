//! What a link carries and costs, over loopback with an emulated distance:
//! `cargo run --release -p lc-net --example link_throughput`.
//!
//! Bytes per second of incompressible frames at 0 and 40 ms one-way; then, at 2,000 frames/s of 250 bytes
//! (a short key, some ids and a 160-byte JSON value), UDP bytes per frame and the time from send to receipt.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_env::{Clock, Random, RealClock, SeededRandom, pause, spawn_thread};
use lc_net::{
    Authority, Config, Identity, Limits, LinkEvent, LinkShape, Links, NodeName, PeerAddress, PeerStats, SendError,
    WanEmulation,
};
use tokio::sync::mpsc;
use tokio::time::sleep;

struct End {
    links: Arc<Links>,
    events: mpsc::Receiver<LinkEvent>,
    wan: WanEmulation,
    address: PeerAddress,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("incompressible frames of 16 KiB, one direction:");
    for one_way_ms in [0, 40] {
        let (near, far) = pair(one_way_ms, Duration::from_millis(1)).await?;
        let rate = bulk(&near, far, Duration::from_secs(6)).await;
        println!("  one-way {one_way_ms:>2} ms   {rate:>7.1} MB/s over the last half of 6 s");
    }
    let (near, _far) = pair(0, Duration::from_millis(1)).await?;
    println!("an idle link: {:.0} bytes/s of UDP payload, both ways", idle(&near, Duration::from_secs(5)).await);
    println!("2,000 frames/s of 250 bytes, one direction (bytes of UDP payload, both ways):");
    for coalesce_us in [0, 500, 1000, 2000, 5000] {
        for one_way_ms in [0, 40] {
            let (near, far) = pair(one_way_ms, Duration::from_micros(coalesce_us)).await?;
            let told = paced(&near, far, one_way_ms).await;
            println!("  coalesce {coalesce_us:>4} us, one-way {one_way_ms:>2} ms   {told}");
        }
    }
    Ok(())
}

async fn pair(one_way_ms: u64, coalesce: Duration) -> Result<(End, End), Box<dyn std::error::Error>> {
    let authority = Authority::generate("example")?;
    let mut near = end(&authority, 1, coalesce)?;
    let mut far = end(&authority, 2, coalesce)?;
    near.links.set_peers(vec![far.address.clone()])?;
    far.links.set_peers(vec![near.address.clone()])?;
    for end in [&mut near, &mut far] {
        assert!(matches!(end.events.recv().await, Some(LinkEvent::Up { .. })));
    }
    let shape = LinkShape { one_way: Duration::from_millis(one_way_ms), ..LinkShape::default() };
    near.wan.set(far.address.addr, shape);
    far.wan.set(near.address.addr, shape);
    sleep(Duration::from_millis(500)).await;
    Ok((near, far))
}

fn end(authority: &Authority, node_id: u16, coalesce: Duration) -> Result<End, Box<dyn std::error::Error>> {
    let issued = authority.issue(&NodeName::new("here", node_id)?)?;
    let (sender, events) = mpsc::channel(64);
    let wan = WanEmulation::new(u64::from(node_id));
    let config = Config {
        cluster_id: "example".to_owned(),
        node_id,
        region: "here".to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        identity: Identity::from_pem(&issued.certificate_pem, &issued.key_pem, &authority.certificate_pem())?,
        peers: Vec::new(),
        limits: Limits { coalesce, ..Limits::default() },
        wan: Some(wan.clone()),
        seed: u64::from(node_id),
    };
    let links = Arc::new(Links::start(config, sender)?);
    let address = PeerAddress { node_id, region: "here".to_owned(), addr: links.local_addr()? };
    Ok(End { links, events, wan, address })
}

/// Megabytes per second over the second half of `span`: the first lets the congestion window grow.
async fn bulk(near: &End, mut far: End, span: Duration) -> f64 {
    let links = near.links.clone();
    let sender = tokio::spawn(async move {
        let random = SeededRandom::new(1);
        let mut noise = vec![0; 1 << 20];
        random.fill(&mut noise);
        let noise = Bytes::from(noise);
        let mut at = 0;
        loop {
            // In turn, so that nothing repeats within the compressor's window.
            match links.send(2, noise.slice(at..at + 16_384)) {
                Ok(()) => at = (at + 16_384) % noise.len(),
                Err(SendError::Full { .. }) => sleep(Duration::from_millis(1)).await,
                Err(_) => return,
            }
        }
    });
    let clock = RealClock::new();
    let mut counted = 0;
    while clock.monotonic() < span {
        if let Some(LinkEvent::Frame { frame, .. }) = far.events.recv().await
            && clock.monotonic() > span / 2
        {
            counted += frame.len();
        }
    }
    sender.abort();
    counted as f64 / 1e6 / (span / 2).as_secs_f64()
}

async fn idle(near: &End, span: Duration) -> f64 {
    let bytes = |stats: &PeerStats| stats.wire_sent_bytes + stats.wire_received_bytes;
    let before = bytes(&near.links.stats()[0]);
    sleep(span).await;
    (bytes(&near.links.stats()[0]) - before) as f64 / span.as_secs_f64()
}

async fn paced(near: &End, mut far: End, one_way_ms: u64) -> String {
    let clock = Arc::new(RealClock::new());
    let before = near.links.stats().remove(0);
    let (links, sending) = (near.links.clone(), clock.clone());
    // A thread, because a task's timer would send in bursts of three.
    let sender = spawn_thread("even-sender", move || {
        let random = SeededRandom::new(2);
        let start = sending.monotonic();
        for n in 0..FRAMES {
            let due = start + Duration::from_micros(u64::from(n) * 500);
            pause(due.saturating_sub(sending.monotonic()));
            links.send(2, sample(&random, n, sending.monotonic())).expect("the link is up and its queue is short");
        }
    });
    let mut waits = Vec::new();
    while waits.len() < FRAMES as usize {
        if let Some(LinkEvent::Frame { frame, .. }) = far.events.recv().await {
            let sent = u64::from_le_bytes(frame[..8].try_into().expect("a sample begins with its time"));
            waits.push(clock.monotonic() - Duration::from_nanos(sent));
        }
    }
    sender.join().expect("the sender does not panic");
    sleep(Duration::from_millis(200)).await;
    let after = near.links.stats().remove(0);
    waits.sort_unstable();
    describe(&before, &after, &waits, one_way_ms)
}

fn describe(before: &PeerStats, after: &PeerStats, waits: &[Duration], one_way_ms: u64) -> String {
    let per_frame = |after: u64, before: u64| (after - before) as f64 / f64::from(FRAMES);
    let sent = per_frame(after.wire_sent_bytes, before.wire_sent_bytes);
    let received = per_frame(after.wire_received_bytes, before.wire_received_bytes);
    let compressed = per_frame(after.sent_compressed_bytes, before.sent_compressed_bytes);
    let seconds = f64::from(FRAMES) / 2000.0;
    let packets = (after.wire_sent_packets - before.wire_sent_packets) as f64 / seconds;
    let over = |share: f64| {
        let wait = waits[((waits.len() - 1) as f64 * share) as usize];
        wait.as_secs_f64() * 1e3 - one_way_ms as f64
    };
    format!(
        "{:>5.1} B/frame ({compressed:.1} compressed, {sent:.1} sent, {received:.1} back), {packets:>4.0} packets/s, \
         over one-way: p50 {:.2} p99 {:.2} max {:.2} ms",
        sent + received,
        over(0.5),
        over(0.99),
        over(1.0)
    )
}

/// The time, as a receiver wants it, then what a journal entry is like: counters, a key, a small JSON document.
fn sample(random: &SeededRandom, n: u32, now: Duration) -> Bytes {
    let number = |below: u64| random.u64() % below;
    let name: String = (0..8).map(|_| char::from(b'a' + number(26) as u8)).collect();
    let mut frame = (now.as_nanos() as u64).to_le_bytes().to_vec();
    frame.extend_from_slice(&n.to_le_bytes());
    let text = format!(
        "user:{:010} {{\"id\":{},\"name\":\"{name}\",\"email\":\"{name}@example.org\",\"balance\":{}.{:02},\"visits\":{},\
         \"active\":{},\"country\":\"{}\",\"updated\":\"2026-11-{:02}T{:02}:{:02}:{:02}Z\",\"tags\":[\"t{}\",\"t{}\"]}}",
        number(1_000_000),
        number(1_000_000),
        number(10_000),
        number(100),
        number(1000),
        number(2) == 0,
        ["NO", "FR", "JP", "US", "DE"][number(5) as usize],
        1 + number(28),
        number(24),
        number(60),
        number(60),
        number(100),
        number(100),
    );
    frame.extend_from_slice(text.as_bytes());
    frame.resize(250, b' ');
    frame.into()
}

const FRAMES: u32 = 8000;
