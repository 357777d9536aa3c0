//! `lightcone backup`: one region's records at one moment, in files that can be checked.

pub mod data_files;
#[cfg(test)]
mod golden;
pub mod manifest;
mod progress;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lc_env::{Clock, RealClock};
use lc_node::backup::{Item, dot_of, items};
use serde_json::{Value, json};

use self::data_files::Writer;
use self::manifest::{Backup, FORMAT, MANIFEST, Manifest, Parent, hex, names, newest, number};
use self::progress::Progress;
use crate::cli::BackupOptions;
use crate::http_client::segment;
use crate::node_door::{NextSteps, NodeDoor};
use crate::{Error, terminal};

/// Takes one. Dropped half-way, a draft is left, which the next one removes.
pub async fn run(options: BackupOptions) -> Result<(), Error> {
    let door = NodeDoor::open(&options.door)?;
    let parent = if options.incremental { newest(&options.to)? } else { None };
    let done = match one(&door, &options, parent.as_ref()).await? {
        // Records came to the region in another way than by its journal.
        None if parent.is_some() => one(&door, &options, None).await?,
        done => done,
    };
    terminal::print(&done.ok_or_else(|| {
        Error::Asked("the node's journal does not lead to where the node is; begin again in a moment".to_owned())
    })?)
}

/// Takes one, an increment if there is a parent and the node has what is needed; gives what to say of it. Nothing if the entries do not
/// lead to where the node is.
async fn one(door: &NodeDoor, options: &BackupOptions, parent: Option<&Backup>) -> Result<Option<String>, Error> {
    let name = next_name(&options.to)?;
    clear_interrupted(door, &options.to).await?;
    let (begun, parent) = begin(door, options, parent).await?;
    let draft = Draft::make(&options.to, &name, &begun.id)?;
    let taken = take(door, options, &begun, parent, &draft).await;
    // Whatever came of it: the node need not hold anything any more. It lets go by itself if this does not arrive.
    let _ = door.ask("DELETE", &format!("/v1/backups/{}", begun.id), None, NEXT_STEPS).await;
    let Some((manifest, told)) = taken? else { return Ok(None) };
    let dir = draft.finish(&manifest)?;
    Ok(Some(match options.door.json {
        true => told_json(&dir, &manifest),
        false => told_text(&dir, &manifest, &begun, &told),
    }))
}

/// Removes what interrupted backups left here, and tells the node that nobody will ask for the rest.
async fn clear_interrupted(door: &NodeDoor, to: &Path) -> Result<(), Error> {
    let is_draft = |left: &&String| left.strip_suffix(DRAFT).is_some_and(|name| number(name).is_some());
    for left in names(to)?.iter().filter(is_draft) {
        if let Ok(id) = fs::read_to_string(to.join(left).join(ID_FILE)) {
            // It may have been another node, or long ago.
            let _ = door.ask("DELETE", &format!("/v1/backups/{}", segment(&id)), None, NEXT_STEPS).await;
        }
        fs::remove_dir_all(to.join(left)).map_err(Error::system(format!("remove {left}, which was interrupted")))?;
    }
    Ok(())
}

/// What the node says of the backup that it has begun.
struct Begun {
    id: String,
    told: Value,
}

impl Begun {
    fn is_full(&self) -> bool {
        self.told["kind"] == "full"
    }
}

/// Asks the node to begin; gives the parent if it is an increment.
async fn begin(
    door: &NodeDoor,
    options: &BackupOptions,
    parent: Option<&Backup>,
) -> Result<(Begun, Option<Parent>), Error> {
    let of_region = parent.filter(|parent| parent.manifest.region == options.region);
    if parent.is_some() && of_region.is_none() {
        return Err(Error::Usage(format!("{} holds backups of another region", options.to.display())));
    }
    let body = match of_region {
        Some(parent) => json!({
            "after": parent.manifest.end["vector"],
            "placement_version": parent.manifest.placement_version,
        }),
        None => json!({}),
    };
    let told = door.ask("POST", "/v1/backups", Some(&body), NEXT_STEPS).await?.json()?;
    let id = told["id"].as_str().unwrap_or_default().to_owned();
    let begun = Begun { id, told };
    if begun.told["region"] != options.region.as_str() {
        let _ = door.ask("DELETE", &format!("/v1/backups/{}", begun.id), None, NEXT_STEPS).await;
        return Err(Error::Usage(format!(
            "{} is a node of {}, not of {}; --at names another node",
            door.shown(),
            begun.told["region"].as_str().unwrap_or("another region"),
            options.region
        )));
    }
    let parent = of_region.filter(|_| !begun.is_full());
    Ok((begun, parent.map(|parent| Parent { name: parent.name(), manifest_sha256: parent.sha256.clone() })))
}

/// Fetches everything into the draft; gives the manifest, and what was measured in words. Nothing if the entries do not lead to the end.
async fn take(
    door: &NodeDoor,
    options: &BackupOptions,
    begun: &Begun,
    parent: Option<Parent>,
    draft: &Draft,
) -> Result<Option<(Manifest, String)>, Error> {
    let told = &begun.told;
    let expected = if begun.is_full() { told["store_bytes"].as_u64().unwrap_or(0) } else { 0 };
    let mut progress = Progress::new(expected, options.limit_mb_per_s, options.door.json);
    let mut writer = Writer::new(&draft.dir);
    let rows = if begun.is_full() { rows(door, begun, &mut writer, &mut progress).await? } else { 0 };
    let path = format!("/v1/backups/{}/end", begun.id);
    let end = door.ask("POST", &path, None, NEXT_STEPS).await?.json()?["end"].take();
    let (entries, reached) = entries(door, begun, &mut writer, &mut progress).await?;
    if reached != end["vector"] {
        return Ok(None);
    }
    let manifest = Manifest {
        format: FORMAT,
        lightcone: env!("CARGO_PKG_VERSION").to_owned(),
        kind: if begun.is_full() { "full" } else { "increment" }.to_owned(),
        parent,
        cluster: told["cluster"].as_str().unwrap_or_default().to_owned(),
        region: options.region.clone(),
        node: told["node"].as_u64().and_then(|node| node.try_into().ok()).unwrap_or(0),
        made_ms: RealClock::default().wall_ms(),
        begin: told["begin"].clone(),
        end,
        placement_version: told["placement_version"].as_u64().unwrap_or(0),
        tables: told["tables"].clone(),
        rows,
        entries,
        files: writer.finish()?,
    };
    let seconds = progress.elapsed().as_secs_f64();
    let megabytes = progress.bytes() as f64 / 1e6;
    Ok(Some((manifest, format!("{megabytes:.1} MB in {seconds:.1} s, {:.1} MB/s", megabytes / seconds.max(0.001)))))
}

async fn rows(door: &NodeDoor, begun: &Begun, writer: &mut Writer, progress: &mut Progress) -> Result<u64, Error> {
    let (mut rows, mut after) = (0, String::new());
    loop {
        let path = format!("/v1/backups/{}/rows?after={after}", begun.id);
        let bytes = Bytes::from(door.fetch(&path, NEXT_STEPS).await?);
        if bytes.is_empty() {
            return Ok(rows);
        }
        for item in items(&bytes, 0) {
            match item.map_err(|error| broken(&error.to_string()))? {
                Item::Row(key, _) => after = hex(&key),
                Item::Entry(..) => return Err(broken("an entry among the rows")),
            }
            rows += 1;
        }
        writer.write(&bytes)?;
        progress.came(bytes.len()).await;
    }
}

/// Gives how many there were, and the vector that they lead to.
async fn entries(
    door: &NodeDoor,
    begun: &Begun,
    writer: &mut Writer,
    progress: &mut Progress,
) -> Result<(u64, Value), Error> {
    let (mut entries, mut after) = (0, 0);
    let mut vector = begun.told["begin"]["vector"].clone();
    loop {
        let path = format!("/v1/backups/{}/entries?after={after}", begun.id);
        let bytes = Bytes::from(door.fetch(&path, NEXT_STEPS).await?);
        if bytes.is_empty() {
            return Ok((entries, vector));
        }
        for item in items(&bytes, 0) {
            let Item::Entry(next, entry) = item.map_err(|error| broken(&error.to_string()))? else {
                return Err(broken("a row among the entries"));
            };
            let (replica, seq) = dot_of(&entry).map_err(|error| broken(&error.to_string()))?;
            let known = vector[replica.0.to_string()].as_u64().unwrap_or(0);
            vector[replica.0.to_string()] = json!(known.max(seq));
            (entries, after) = (entries + 1, next);
        }
        writer.write(&bytes)?;
        progress.came(bytes.len()).await;
    }
}

fn broken(why: &str) -> Error {
    Error::Asked(format!("what the node sent is not what a backup is made of: {why}"))
}

/// A backup's directory before it is one.
struct Draft {
    dir: PathBuf,
    to: PathBuf,
}

impl Draft {
    /// Makes it.
    fn make(to: &Path, name: &str, id: &str) -> Result<Draft, Error> {
        let failed = |dir: &Path| Error::system(format!("make {}", dir.display()));
        let dir = to.join(format!("{name}{DRAFT}"));
        for left in names(to)?.iter().filter(|left| left.strip_suffix(DRAFT).is_some_and(|name| number(name).is_some()))
        {
            fs::remove_dir_all(to.join(left))
                .map_err(Error::system(format!("remove {left}, which was interrupted")))?;
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&dir).map_err(failed(&dir))?;
        fs::write(dir.join(ID_FILE), id).map_err(failed(&dir))?;
        Ok(Draft { dir, to: to.join(name) })
    }

    /// Writes the manifest and puts the directory at its place, durably. Gives the place.
    fn finish(self, manifest: &Manifest) -> Result<PathBuf, Error> {
        let text = serde_json::to_string_pretty(manifest).map_err(|error| Error::Usage(error.to_string()))?;
        let put = || -> std::io::Result<()> {
            let mut file = File::create_new(self.dir.join(MANIFEST))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::remove_file(self.dir.join(ID_FILE))?;
            File::open(&self.dir)?.sync_all()?;
            fs::rename(&self.dir, &self.to)?;
            File::open(self.to.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        put().map_err(Error::system(format!("finish {}", self.to.display())))?;
        Ok(self.to)
    }
}

fn next_name(to: &Path) -> Result<String, Error> {
    let last = names(to)?.iter().filter_map(|name| number(name)).max().unwrap_or(0);
    Ok(format!("{:04}", last + 1))
}

fn told_json(dir: &Path, manifest: &Manifest) -> String {
    let mut told = serde_json::to_value(manifest).unwrap_or_default();
    told["dir"] = json!(dir.display().to_string());
    format!("{told}\n")
}

fn told_text(dir: &Path, manifest: &Manifest, begun: &Begun, measured: &str) -> String {
    let why = begun.told["why_full"].as_str().map(|why| format!("a full backup, because {why}\n")).unwrap_or_default();
    let Manifest { kind, region, rows, entries, end, .. } = manifest;
    format!(
        "{why}{} is a whole backup ({kind}) of {region}: {} keys at {}\n{rows} rows, {entries} entries, {measured}\n",
        dir.display(),
        end["keys"],
        end["vector"],
    )
}

const NEXT_STEPS: NextSteps<'static> = &[
    ("conflict", "nothing was written that counts as a backup; try again in a moment"),
    ("not_found", "nothing was written that counts as a backup; begin again"),
];
/// The node's name for a backup, while it is under way.
const ID_FILE: &str = "under-way";
/// Ends the name of a backup that is not whole.
const DRAFT: &str = ".draft";
