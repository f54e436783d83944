//! Arguments to files: folders are walked, and a file that comes twice is read once.
//!
//! The order of rotated files is not decided here: their names lie, their first records do not, and only a source reads those.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Input;
use crate::error::Error;

/// What the arguments of a command come to.
#[derive(Debug, Default)]
pub struct Found {
    /// What to read.
    pub inputs: Vec<Candidate>,
    /// What could not be listed.
    pub errors: Vec<Error>,
    /// Files that are another file once more, by device and inode.
    pub repeated: Vec<PathBuf>,
}

/// An input and how it was named.
#[derive(Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What to read.
    pub input: Input,
    /// Whether the user named it, instead of a folder that holds it. A stranger in a folder is no error.
    pub named: bool,
}

/// Resolves arguments: `-`, files, and folders with everything in them.
#[must_use]
pub fn discover(arguments: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut identities = HashSet::new();
    for argument in arguments {
        if argument.as_os_str() == "-" {
            let stdin = Candidate { input: Input::Stdin, named: true };
            if !found.inputs.contains(&stdin) {
                found.inputs.push(stdin);
            }
        } else {
            visit(argument, true, &mut found, &mut identities);
        }
    }
    found
}

fn visit(path: &Path, named: bool, found: &mut Found, identities: &mut HashSet<(u64, u64)>) {
    let error = |source: io::Error| Error::Io { path: path.to_path_buf(), source };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        // A link that leads nowhere, in a folder that was walked.
        Err(source) if !named && source.kind() == io::ErrorKind::NotFound => return,
        Err(source) => return found.errors.push(error(source)),
    };
    if identity(&metadata).is_some_and(|identity| !identities.insert(identity)) {
        if !metadata.is_dir() {
            found.repeated.push(path.to_path_buf());
        }
    } else if metadata.is_dir() {
        match list(path) {
            Ok(paths) => paths.iter().for_each(|path| visit(path, false, found, identities)),
            Err(source) => found.errors.push(error(source)),
        }
    } else if named || metadata.is_file() {
        found.inputs.push(Candidate { input: Input::File(path.to_path_buf()), named });
    }
}

/// What a folder holds, in the order of names, hidden files left out.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    paths.sort();
    Ok(paths)
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    // Pipes and terminals may be named twice: `<(…)` has one number for all.
    (metadata.is_file() || metadata.is_dir()).then(|| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_and_links_are_read_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).expect("made");
        for name in ["a.log", "sub/b.log", ".hidden"] {
            fs::write(path(name), name).expect("written");
        }
        fs::hard_link(path("a.log"), path("c.log")).expect("linked");
        let found = discover(&[folder.path().to_path_buf(), path("a.log"), path("none")]);
        let paths: Vec<PathBuf> = found.inputs.iter().map(|c| c.input.path()).collect();
        assert_eq!(paths, [path("a.log"), path("sub/b.log")]);
        assert_eq!(found.repeated, [path("c.log"), path("a.log")]);
        assert_eq!(found.errors.len(), 1);
    }
}
