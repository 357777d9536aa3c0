//! Where things are.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The build directory, which also holds everything that setup installs for this checkout alone.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program of this workspace, built for release.
pub fn release_binary(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// Every Rust source of our own, sorted, so that findings come in the same order everywhere.
pub fn rust_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for room in ["crates", "xtask", "bench", "fuzz"] {
        collect_rust(&root().join(room), &mut found);
    }
    found.sort();
    found
}

fn collect_rust(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect_rust(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A path as a person would write it, seen from the root.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
