//! `lightcone dev`: a world on one machine. Each region is a process of its own, so that one can really be killed.

mod control;
mod faults;
mod orders;
mod places;
mod plan;
mod world;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Mutex;

pub use self::orders::{Done, Order, WorldView};
use self::plan::Plan;
use self::world::World;
use crate::cli::DevOptions;
use crate::{Error, stop_signal};

/// Runs a world until it is told to stop, then ends all of it. Killed, its nodes notice that the pipe to them has closed,
/// and end by themselves.
pub async fn run(options: DevOptions) -> Result<(), Error> {
    let stop = stop_signal::listen(false)?;
    let directory = Directory::open(options.data.as_deref())?;
    let (plan, claimed) = Plan::make(&options, &directory.path)?;
    let faults = plan.faults(&options)?;
    directory.remember(&plan.regions())?;
    let world = Arc::new(Mutex::new(World::prepare(plan, faults)?));
    // The doors' ports are let go only now, for the nodes to take.
    let control = listener(claimed.keep_control())?;
    let outcome = tokio::select! {
        () = stop => Ok(()),
        outcome = live(&world, control, &directory.path) => outcome,
    };
    // An order that hangs must not keep the world from ending; dropping the processes kills them.
    if let Ok(mut world) = tokio::time::timeout(LAST_ORDER_MAX, world.lock()).await {
        world.stop_all().await;
    }
    outcome
}

async fn live(world: &Arc<Mutex<World>>, control: TcpListener, directory: &Path) -> Result<(), Error> {
    let bold = io::stdout().is_terminal();
    let text = {
        let mut world = world.lock().await;
        world.start_all().await?;
        world.text(bold)
    };
    println!("{text}\nData, certificates and logs: {}", directory.display());
    println!("ready");
    io::stdout().flush().map_err(Error::system("write to standard output"))?;
    let orders = lc_http::serve_router(
        control,
        lc_http::control_router(Arc::new(control::Supervisor(world.clone()))),
        |stream| async { Ok(stream) },
        std::future::pending(),
    );
    tokio::join!(orders, watch(world));
    Ok(())
}

/// Says when a process ends that nobody ended. The others go on: that is the point.
async fn watch(world: &Mutex<World>) {
    loop {
        tokio::time::sleep(WATCH_PAUSE).await;
        for line in world.lock().await.ended() {
            eprintln!("{line}");
        }
    }
}

fn listener(control: std::net::TcpListener) -> Result<TcpListener, Error> {
    control
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(control))
        .map_err(Error::system("listen on the control port"))
}

/// A world's directory: the one that was asked for, or a temporary one that goes away with this value.
struct Directory {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Directory {
    fn open(asked: Option<&Path>) -> Result<Directory, Error> {
        let Some(path) = asked else {
            let temporary = tempfile::Builder::new()
                .prefix("lightcone-dev-")
                .tempdir()
                .map_err(Error::system("make a temporary directory"))?;
            return Ok(Directory { path: temporary.path().to_owned(), _temporary: Some(temporary) });
        };
        let made = fs::create_dir_all(path).and_then(|()| path.canonicalize());
        let path = made.map_err(Error::system(format!("--data {}", path.display())))?;
        Ok(Directory { path, _temporary: None })
    }

    /// Data belongs to the node id it was written under, and ids follow the order of regions: it may not change.
    fn remember(&self, regions: &[&str]) -> Result<(), Error> {
        let (file, asked) = (self.path.join("regions"), regions.join(","));
        match fs::read_to_string(&file) {
            Ok(written) if written.trim() != asked => Err(Error::Usage(format!(
                "{} holds the world {}: pass --regions {} or another --data",
                self.path.display(),
                written.trim(),
                written.trim(),
            ))),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::write(&file, format!("{asked}\n")).map_err(Error::system(format!("write {}", file.display())))
            }
            Err(error) => Err(Error::system(format!("read {}", file.display()))(error)),
        }
    }
}

/// How often processes are looked at.
const WATCH_PAUSE: Duration = Duration::from_millis(200);
/// For the order under way when the world is told to stop.
const LAST_ORDER_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::Directory;

    #[test]
    fn data_of_one_world_is_not_used_for_another() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("world");
        let open = || Directory::open(Some(&data)).expect("can be made");
        open().remember(&["us-east", "eu-west"]).expect("a new world");
        open().remember(&["us-east", "eu-west"]).expect("the same world");
        let error = open().remember(&["eu-west", "us-east"]).expect_err("another order").to_string();
        assert!(error.contains("holds the world us-east,eu-west: pass --regions us-east,eu-west"), "{error}");
    }

    #[test]
    fn a_temporary_directory_goes_away() {
        let directory = Directory::open(None).expect("can be made");
        let path = directory.path.clone();
        assert!(path.is_dir());
        drop(directory);
        assert!(!path.exists());
    }
}
