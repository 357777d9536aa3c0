//! A directory that is there with everything in it, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Error;

/// A directory to be, with an empty one beside it to fill. Dropped, the latter goes away.
#[derive(Debug)]
pub struct NewDirectory {
    path: PathBuf,
    beside: TempDir,
}

impl NewDirectory {
    /// Checks that nothing is at `path`, and that it can be made there.
    pub fn prepare(path: &Path) -> Result<NewDirectory, Error> {
        let taken = |what: &str| {
            Error::Usage(format!("--data {}: {what}; name one that is empty or not there yet", path.display()))
        };
        match fs::read_dir(path) {
            Ok(mut entries) => match entries.next() {
                None => {}
                Some(_) => return Err(taken("there is something in this directory")),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::NotADirectory => return Err(taken("this is a file")),
            Err(error) => return Err(unusable(path)(error)),
        }
        let name = path.file_name().ok_or_else(|| taken("this is no name of a directory"))?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let parent = parent.canonicalize().map_err(unusable(path))?;
        let beside = tempfile::Builder::new()
            .prefix(".lightcone-join-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&parent)
            .map_err(unusable(path))?;
        Ok(NewDirectory { path: parent.join(name), beside })
    }

    /// Writes the files, readable by their owner alone, and puts the directory at its place. Returns its whole path.
    pub fn fill(self, files: &[(&str, &str)]) -> Result<PathBuf, Error> {
        for (name, text) in files {
            write(&self.beside.path().join(name), text).map_err(Error::system(format!("write {name}")))?;
        }
        sync(self.beside.path()).map_err(unusable(&self.path))?;
        // Replaces an empty directory and nothing else, in one step.
        fs::rename(self.beside.path(), &self.path).map_err(unusable(&self.path))?;
        if let Some(parent) = self.path.parent() {
            sync(parent).map_err(unusable(&self.path))?;
        }
        Ok(self.path)
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    Error::system(format!("make the directory --data {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::NewDirectory;

    fn entries(path: &std::path::Path) -> usize {
        fs::read_dir(path).expect("a directory").count()
    }

    #[test]
    fn a_directory_appears_with_all_its_files_for_their_owner_alone() {
        let world = tempfile::tempdir().expect("a directory");
        for there_before in [false, true] {
            let path = world.path().join(format!("node-{there_before}"));
            if there_before {
                fs::create_dir(&path).expect("made");
            }
            let new = NewDirectory::prepare(&path).expect("nothing is there");
            let made = new.fill(&[("node.toml", "a = 1\n"), ("node.key", "secret")]).expect("room for it");
            assert_eq!(fs::read_to_string(made.join("node.toml")).expect("written"), "a = 1\n");
            let mode = |path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!((mode(made.join("node.key")), mode(made)), (0o600, 0o700));
        }
        assert_eq!(entries(world.path()), 2);
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let world = tempfile::tempdir().expect("a directory");
        drop(NewDirectory::prepare(&world.path().join("node")).expect("nothing is there"));
        assert_eq!(entries(world.path()), 0);
    }

    #[test]
    fn a_taken_place_is_refused_and_left_alone() {
        let world = tempfile::tempdir().expect("a directory");
        let (full, file) = (world.path().join("full"), world.path().join("file"));
        fs::create_dir(&full).expect("made");
        fs::write(full.join("precious"), "data").expect("written");
        fs::write(&file, "data").expect("written");
        let refused = |path| NewDirectory::prepare(path).expect_err("taken").to_string();
        assert!(refused(&full).contains("there is something in this directory; name one"), "{}", refused(&full));
        assert!(refused(&file).contains("this is a file"), "{}", refused(&file));
        assert!(refused(&world.path().join("no/node")).contains("No such file"));
        // Somebody was quicker.
        let path = world.path().join("node");
        let new = NewDirectory::prepare(&path).expect("nothing is there");
        fs::create_dir(&path).expect("made");
        fs::write(path.join("precious"), "data").expect("written");
        assert!(new.fill(&[("node.toml", "")]).is_err());
        assert_eq!((entries(&path), entries(world.path())), (1, 3));
    }
}
