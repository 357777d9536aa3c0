//! The door over real TCP, with replicas in memory behind it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lc_db::testing::Replica;
use lc_db::{Demand, Engine, Error, Host, Promise, Reply, Session, Txn, View, WatchStamp};
use lc_policy::{Ack, Policy, Read, Table, Tables};
use lc_resp::{Client, Connect, Door, Excess, Plain, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

/// What the tests see and decide of the node behind the door.
struct World {
    connected: AtomicU64,
    executed: AtomicU64,
    commands: AtomicU64,
    described: Mutex<Vec<String>>,
    kill: Notify,
    killed: AtomicBool,
    journal_fails: AtomicBool,
    /// Writes wait until this is true.
    durable: watch::Sender<bool>,
    /// What other regions do: nothing yet, as asked, or never.
    others: watch::Sender<Others>,
    /// Of the room that all share, bytes.
    buffers: AtomicU64,
    exceeded: Mutex<Vec<Excess>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Others {
    Silent,
    Answering,
    Gone,
}

/// Each connection has a replica of its own: what is tested is the door.
struct Visitor {
    world: Arc<World>,
    id: u64,
    replica: Replica,
    wrote: bool,
    /// The last write was to be held by others.
    promised: bool,
    /// A command waits for others, or has what it waited for.
    asked: Option<bool>,
}

impl Visitor {
    /// Whether the others did what they were asked, once they have answered.
    async fn answered(&mut self) -> bool {
        let mut others = self.world.others.subscribe();
        let others =
            others.wait_for(|others| *others != Others::Silent).await.expect("the world outlives its visitors");
        *others == Others::Answering
    }
}

impl Client for Visitor {
    type Wait = ();
    type Hold = ();

    fn take_hold(&mut self) -> Option<()> {
        std::mem::take(&mut self.promised).then_some(())
    }
    async fn held(&mut self, (): ()) -> Result<(), Error> {
        match self.answered().await {
            true => Ok(()),
            false => Err(Error::NoAck { have: 1, need: 2, ack: "majority".into(), waited_ms: 50 }),
        }
    }
    async fn settle(&mut self) {
        self.asked = Some(self.answered().await);
    }

    fn id(&self) -> u64 {
        self.id
    }
    fn engine(&mut self) -> &mut dyn Engine {
        self
    }
    fn take_wait(&mut self) -> Option<()> {
        std::mem::take(&mut self.wrote).then_some(())
    }
    async fn durable(&mut self, (): ()) -> Result<(), Error> {
        let mut durable = self.world.durable.subscribe();
        durable.wait_for(|durable| *durable).await.expect("the world outlives its visitors");
        match self.world.journal_fails.load(Ordering::SeqCst) {
            true => Err(Error::Unavailable("the journal failed".to_owned())),
            false => Ok(()),
        }
    }
    fn killed(&self) -> bool {
        self.world.killed.load(Ordering::SeqCst)
    }
    fn kill_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let world = self.world.clone();
        async move { world.kill.notified().await }
    }
    fn describe(&mut self, session: &Session) {
        let told = format!("{} {}", session.protocol, String::from_utf8_lossy(&session.name));
        self.world.described.lock().expect("no test panics inside").push(told);
    }
    fn count_buffers(&mut self, before: usize, after: usize) {
        self.world.buffers.fetch_add(after as u64, Ordering::SeqCst);
        self.world.buffers.fetch_sub(before as u64, Ordering::SeqCst);
    }
    fn exceeded(&mut self, what: Excess) {
        self.world.exceeded.lock().expect("no test panics inside").push(what);
    }
    fn count_commands(&mut self, commands: u64) {
        self.world.commands.fetch_add(commands, Ordering::SeqCst);
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.world.connected.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Engine for Visitor {
    fn host(&self) -> &dyn Host {
        &self.replica
    }
    fn read(&mut self, keys: &[&[u8]], run: &mut dyn FnMut(&View<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        self.world.executed.fetch_add(1, Ordering::SeqCst);
        self.replica.read(keys, run)
    }
    fn write(&mut self, run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        self.wrote = true;
        self.replica.write(run)
    }
    fn write_if_unchanged(
        &mut self,
        watched: &[(Bytes, WatchStamp)],
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>,
    ) -> Result<Option<Reply>, Error> {
        self.wrote = true;
        self.replica.write_if_unchanged(watched, run)
    }
    fn watch(&mut self, key: &[u8]) -> WatchStamp {
        self.replica.watch(key)
    }
    fn unwatch(&mut self, keys: &[(Bytes, WatchStamp)]) {
        self.replica.unwatch(keys);
    }
    fn all_plain(&self) -> bool {
        false
    }
    fn tables(&self) -> Arc<Tables> {
        let table = |name: &str, policy| Table {
            name: name.to_owned(),
            version: 1,
            policy,
            placement_version: 0,
            target: None,
        };
        let held = Policy { ack: Ack::Majority, ..Policy::default() };
        let asked = Policy { read: Read::Quorum(2), ..Policy::default() };
        Arc::new(Tables::new(1, vec![table("held", held), table("asked", asked)]))
    }
    fn region_count(&self) -> usize {
        3
    }
    fn demand(&mut self, _demand: Demand) -> Result<Option<Reply>, Error> {
        match self.asked.take() {
            None => Err(Error::Later),
            Some(true) => Ok(None),
            Some(false) => {
                Err(Error::NoQuorum { have: 1, need: 2, waited_ms: 50, silent: "; no answer from anybody".into() })
            }
        }
    }
    fn promise(&mut self, _promise: Promise) {
        self.promised = true;
    }
}

struct Lobby(Arc<World>);

impl Connect for Lobby {
    type Client = Visitor;

    fn connect(&self, _address: SocketAddr) -> Visitor {
        let id = self.0.connected.fetch_add(1, Ordering::SeqCst) + 1;
        Visitor { world: self.0.clone(), id, replica: Replica::new(1), wrote: false, promised: false, asked: None }
    }
}

async fn open(settings: Settings) -> (SocketAddr, Arc<World>) {
    let world = Arc::new(World {
        connected: AtomicU64::new(0),
        executed: AtomicU64::new(0),
        commands: AtomicU64::new(0),
        described: Mutex::default(),
        kill: Notify::new(),
        killed: AtomicBool::new(false),
        journal_fails: AtomicBool::new(false),
        durable: watch::channel(true).0,
        others: watch::channel(Others::Silent).0,
        buffers: AtomicU64::new(0),
        exceeded: Mutex::default(),
    });
    let door = Door::open("127.0.0.1:0".parse().expect("an address"), Plain, settings).await.expect("a free port");
    let address = door.address().expect("it listens");
    tokio::spawn(door.serve(Lobby(world.clone()), std::future::pending()));
    (address, world)
}

fn settings() -> Settings {
    Settings { clients_max: 100, ..Settings::default() }
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("the door is open")
}

/// Sends, and expects exactly this back.
async fn talk(stream: &mut TcpStream, sent: &[u8], expected: &str) {
    stream.write_all(sent).await.expect("the door reads");
    let mut back = vec![0; expected.len()];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut back)).await;
    read.expect("an answer in time").expect("an answer");
    assert_eq!(String::from_utf8_lossy(&back), expected);
}

/// All that comes until the door closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut back = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut back)).await;
    read.expect("the door closes in time").expect("a clean end");
    String::from_utf8_lossy(&back).into_owned()
}

fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_pipeline_is_answered_in_order() {
    let (address, _) = open(settings()).await;
    let mut stream = connect(address).await;
    let (mut reader, mut writer) = stream.split();
    let count = 10_000;
    let send = async {
        for number in 0..count {
            writer.write_all(&request(&[b"SET", b"k", number.to_string().as_bytes()])).await.expect("the door reads");
            writer.write_all(b"*2\r\n$3\r\nget\r\n$1\r\nk\r\n").await.expect("the door reads");
        }
    };
    let receive = async {
        for number in 0..count {
            let expected = format!("+OK\r\n${}\r\n{number}\r\n", number.to_string().len());
            let mut back = vec![0; expected.len()];
            reader.read_exact(&mut back).await.expect("an answer");
            assert_eq!(String::from_utf8_lossy(&back), expected);
        }
    };
    tokio::join!(send, receive);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_come_one_byte_at_a_time() {
    let (address, _) = open(settings()).await;
    let mut stream = connect(address).await;
    for byte in request(&[b"SET", b"k", b"slow"]) {
        stream.write_all(&[byte]).await.expect("the door reads");
        stream.flush().await.expect("the door reads");
        tokio::task::yield_now().await;
    }
    talk(&mut stream, b"get k\r\n", "+OK\r\n$4\r\nslow\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_ends_its_own_connection_and_no_other() {
    let (address, _) = open(settings()).await;
    let mut good = connect(address).await;
    talk(&mut good, &request(&[b"SET", b"k", b"1"]), "+OK\r\n").await;
    for (bytes, answer) in [
        (b"get k\r\n*1\r\n!3\r\n".as_slice(), "$-1\r\n-ERR Protocol error: expected '$', got '!'\r\n"),
        (b"*9999999\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$99999999\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"get \"k\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
    ] {
        let mut bad = connect(address).await;
        bad.write_all(bytes).await.expect("the door reads");
        bad.write_all(&[b'x'; 100_000]).await.expect("the door still reads");
        assert_eq!(rest(&mut bad).await, answer);
        talk(&mut good, b"get k\r\n", "$1\r\n1\r\n").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_value_passes() {
    let (address, _) = open(settings()).await;
    let mut stream = connect(address).await;
    let value = vec![b'v'; lc_core::limits::VALUE_BYTES_MAX];
    talk(&mut stream, &request(&[b"SET", b"k", &value]), "+OK\r\n").await;
    let expected = format!("${}\r\n{}\r\n", value.len(), String::from_utf8_lossy(&value));
    talk(&mut stream, b"GET k\r\n", &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_not_worked_for() {
    let (address, world) = open(settings()).await;
    let mut deaf = connect(address).await;
    let value = vec![b'v'; 1024 * 1024];
    talk(&mut deaf, &request(&[b"SET", b"k", &value]), "+OK\r\n").await;
    // 20 GB of replies, if the door were to make them.
    let asked = 20_000;
    let _ = tokio::time::timeout(Duration::from_millis(500), deaf.write_all(&b"get k\r\n".repeat(asked))).await;
    let mut stalled_at = u64::MAX;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let executed = world.executed.load(Ordering::SeqCst);
        if executed == stalled_at {
            break;
        }
        stalled_at = executed;
    }
    assert!((1..100).contains(&stalled_at), "{stalled_at} replies of 1 MiB were made for nobody");
    let mut other = connect(address).await;
    talk(&mut other, b"get k\r\n", "$-1\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reply_leaves_before_what_it_claims_is_durable() {
    let (address, world) = open(settings()).await;
    world.durable.send_replace(false);
    let mut stream = connect(address).await;
    stream.write_all(&request(&[b"SET", b"k", b"1"])).await.expect("the door reads");
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut byte)).await;
    assert!(early.is_err(), "answered before it was durable");
    world.durable.send_replace(true);
    talk(&mut stream, b"", "+OK\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_whose_writes_did_not_become_durable_are_taken_back() {
    let (address, world) = open(settings()).await;
    world.journal_fails.store(true, Ordering::SeqCst);
    let mut stream = connect(address).await;
    stream.write_all(b"set k 1\r\nset k 2\r\n").await.expect("the door reads");
    assert_eq!(rest(&mut stream).await, "-UNAVAILABLE the journal failed\r\n".repeat(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_too_many_is_told_so() {
    let (address, world) = open(Settings { clients_max: 2, ..Settings::default() }).await;
    let mut first = connect(address).await;
    let mut second = connect(address).await;
    talk(&mut first, b"get k\r\n", "$-1\r\n").await;
    talk(&mut second, b"get k\r\n", "$-1\r\n").await;
    assert_eq!(rest(&mut connect(address).await).await, "-ERR max number of clients reached\r\n");
    drop(first);
    while world.connected.load(Ordering::SeqCst) > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The task's end is noticed just after its client is gone.
    tokio::time::sleep(Duration::from_millis(50)).await;
    talk(&mut connect(address).await, b"get k\r\n", "$-1\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_ends_after_the_timeout() {
    let (address, _) = open(Settings { idle_timeout: Some(Duration::from_millis(50)), ..settings() }).await;
    let mut stream = connect(address).await;
    talk(&mut stream, b"get k\r\n", "$-1\r\n").await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_connection_ends_while_it_idles() {
    let (address, world) = open(settings()).await;
    let mut stream = connect(address).await;
    talk(&mut stream, b"get k\r\n", "$-1\r\n").await;
    world.kill.notify_waiters();
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_is_told_what_a_session_says_of_itself_and_how_many_commands_it_ran() {
    let (address, world) = open(settings()).await;
    let mut stream = connect(address).await;
    talk(
        &mut stream,
        b"get k\r\nclient setname ada\r\nclient setname ada\r\nget k\r\n",
        "$-1\r\n+OK\r\n+OK\r\n$-1\r\n",
    )
    .await;
    assert_eq!(*world.described.lock().expect("no panic"), ["2 ", "2 ada"]);
    assert_eq!(world.commands.load(Ordering::SeqCst), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_ask_for_no_replies() {
    let (address, _) = open(settings()).await;
    let mut stream = connect(address).await;
    let sent = b"client reply skip\r\nping 1\r\nping 2\r\nclient reply off\r\nping 3\r\nping 4\r\nclient reply on\r\nping 5\r\n";
    talk(&mut stream, sent, "$1\r\n2\r\n+OK\r\n$1\r\n5\r\n").await;
    talk(&mut stream, b"quit\r\nping\r\n", "+OK\r\n").await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_cannot_send_commands() {
    let (address, world) = open(settings()).await;
    let mut stream = connect(address).await;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nget k\r\n").await.expect("the door reads");
    stream.shutdown().await.expect("half closed");
    assert_eq!((rest(&mut stream).await, world.executed.load(Ordering::SeqCst)), (String::new(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_input_is_not_the_end_of_output() {
    let (address, _) = open(settings()).await;
    let mut stream = connect(address).await;
    stream.write_all(b"set k 1\r\nget k\r\n").await.expect("the door reads");
    stream.shutdown().await.expect("half closed");
    assert_eq!(rest(&mut stream).await, "+OK\r\n$1\r\n1\r\n");
}

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn replies_keep_their_order_around_those_that_wait_for_other_regions() {
    let (address, world) = open(settings()).await;
    let mut stream = connect(address).await;
    let pipeline = b"SET a 1\r\nSET held:b 2\r\nGET a\r\nGET asked:c\r\nSET held:d 3\r\nPING\r\n";
    stream.write_all(pipeline).await.expect("the door reads");
    let mut byte = [0; 1];
    let early = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
    assert!(early.is_err(), "a reply left before other regions held what it claims");
    world.others.send_replace(Others::Answering);
    talk(&mut stream, b"", "+OK\r\n+OK\r\n$1\r\n1\r\n$-1\r\n+OK\r\n+PONG\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_regions_do_not_hold_or_answer_is_told_of_each_reply_alone() {
    let (address, world) = open(settings()).await;
    world.others.send_replace(Others::Gone);
    let mut stream = connect(address).await;
    let refused = "-NOACK 1 of the 2 regions that majority asks for have this write after 50 ms; it is not undone and will still arrive\r\n";
    let silent =
        "-NOQUORUM 1 of the 2 regions that quorum(2) asks for answered within 50 ms; no answer from anybody\r\n";
    let expected = format!("+OK\r\n{refused}$1\r\n1\r\n{silent}+PONG\r\n");
    talk(&mut stream, b"SET a 1\r\nSET held:b 2\r\nGET a\r\nGET asked:c\r\nPING\r\n", &expected).await;
}

/// Waits until it is so.
async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..500 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not in time: {what}");
}

fn impatient() -> Settings {
    Settings { stall_timeout: Some(Duration::from_millis(300)), ..settings() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_no_replies_is_closed_in_time_and_its_memory_given_back() {
    let (address, world) = open(impatient()).await;
    let (mut deaf, mut good) = (connect(address).await, connect(address).await);
    let value = vec![b'v'; 8 << 20];
    talk(&mut deaf, &request(&[b"SET", b"k", &value]), "+OK\r\n").await;
    deaf.write_all(&b"get k\r\n".repeat(4)).await.expect("the door reads");
    until("its reply takes room", || world.buffers.load(Ordering::SeqCst) > 7 << 20).await;
    talk(&mut good, b"ping\r\n", "+PONG\r\n").await;
    until("it is closed", || *world.exceeded.lock().expect("no panic") == [Excess::Unread]).await;
    until("all is given back", || world.buffers.load(Ordering::SeqCst) == 0).await;
    talk(&mut good, b"ping\r\n", "+PONG\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_its_replies_slowly_but_takes_them_stays() {
    let (address, world) = open(impatient()).await;
    let mut slow = connect(address).await;
    let value = vec![b'v'; 8 << 20];
    talk(&mut slow, &request(&[b"SET", b"k", &value]), "+OK\r\n").await;
    slow.write_all(b"get k\r\n").await.expect("the door reads");
    let (mut taken, mut piece) = (0, vec![0; 1 << 20]);
    let whole = value.len() + "$8388608\r\n\r\n".len();
    while taken < whole {
        tokio::time::sleep(Duration::from_millis(20)).await;
        taken += slow.read(&mut piece).await.expect("it is not closed");
    }
    talk(&mut slow, b"ping\r\n", "+PONG\r\n").await;
    assert!(world.exceeded.lock().expect("no panic").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_large_request_is_waited_for_only_so_long_and_half_a_small_one_for_ever() {
    let (address, world) = open(impatient()).await;
    let (mut large, mut small) = (connect(address).await, connect(address).await);
    small.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nab").await.expect("the door reads");
    large.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n").await.expect("the door reads");
    large.write_all(&vec![b'x'; 4_000_000]).await.expect("the door reads");
    until("it takes room", || world.buffers.load(Ordering::SeqCst) > 4_000_000).await;
    until("it is closed", || *world.exceeded.lock().expect("no panic") == [Excess::Unfinished]).await;
    until("all is given back", || world.buffers.load(Ordering::SeqCst) == 0).await;
    talk(&mut small, b"cde\r\n", "+OK\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_share_a_room_and_small_ones_need_none() {
    let (address, world) = open(Settings { buffers_bytes_max: 6 << 20, ..impatient() }).await;
    let half = |length: usize| [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n".as_slice(), &vec![b'x'; length]].concat();
    let (mut first, mut second, mut third) = (connect(address).await, connect(address).await, connect(address).await);
    first.write_all(&half(2_000_000)).await.expect("the door reads");
    until("the first takes room", || world.buffers.load(Ordering::SeqCst) > 2_000_000).await;
    // No more of it is read than there is room for: this waits in the socket.
    let _ = tokio::time::timeout(Duration::from_millis(100), second.write_all(&half(7_000_000))).await;
    talk(&mut third, &request(&[b"SET", b"k", b"small"]), "+OK\r\n").await;
    assert!(world.buffers.load(Ordering::SeqCst) <= 6 << 20);
    until("both are closed", || world.exceeded.lock().expect("no panic").len() == 2).await;
    until("all is given back", || world.buffers.load(Ordering::SeqCst) == 0).await;
    let value = vec![b'v'; 2_000_000];
    talk(&mut third, &request(&[b"SET", b"k", &value]), "+OK\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_reply_without_room_is_told_so_and_the_connection_goes_on() {
    let (address, world) = open(Settings { buffers_bytes_max: 12 << 20, ..settings() }).await;
    let (mut deaf, mut other) = (connect(address).await, connect(address).await);
    let value = vec![b'v'; 7 << 20];
    for stream in [&mut deaf, &mut other] {
        talk(stream, &request(&[b"SET", b"k", &value]), "+OK\r\n").await;
    }
    deaf.write_all(b"get k\r\n").await.expect("the door reads");
    until("its reply takes room", || world.buffers.load(Ordering::SeqCst) > 6 << 20).await;
    let refused = "-UNAVAILABLE there is no room for the reply of 7340032 bytes: clients that do not take theirs have it all (resp.buffers_bytes_max)\r\n";
    talk(&mut other, b"get k\r\n", refused).await;
    let taken = refused
        .replace("there is no room for the reply", "the command was carried out, but there is no room for its reply");
    talk(&mut other, b"getset k small\r\n", &taken).await;
    talk(&mut other, b"get k\r\n", "$5\r\nsmall\r\n").await;
    assert_eq!(*world.exceeded.lock().expect("no panic"), [Excess::NoRoomToReply; 2]);
}
