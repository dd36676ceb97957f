//! The tracked files and the findings about them.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

/// A text file of the repository.
pub struct SourceFile {
    /// Path relative to the root, with `/`.
    pub path: String,
    pub text: String,
}

impl SourceFile {
    /// File name extension, or an empty text.
    pub fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|extension| extension.to_str()).unwrap_or_default()
    }
}

/// All files that git tracks, or would track, at one root.
pub struct Repository {
    pub root: PathBuf,
    /// Every tracked path, text or not.
    pub paths: Vec<String>,
    pub files: Vec<SourceFile>,
}

impl Repository {
    /// Reads the repository that contains this crate.
    ///
    /// # Errors
    /// Git fails, or a file cannot be read.
    pub fn of_this_crate() -> anyhow::Result<Self> {
        Self::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
    }

    /// Reads the repository that contains the current directory.
    ///
    /// # Errors
    /// Git fails, or a file cannot be read.
    pub fn of_current_directory() -> anyhow::Result<Self> {
        let root = git(Path::new("."), &["rev-parse", "--show-toplevel"])?;
        Self::read(Path::new(root.trim()))
    }

    fn read(root: &Path) -> anyhow::Result<Self> {
        let root = root.canonicalize().context("failed to resolve the root")?;
        let listed = git(&root, &["ls-files", "--cached", "--others", "--exclude-standard"])?;
        // A deleted file stays listed until its removal is committed.
        let paths: Vec<String> = listed.lines().filter(|path| root.join(path).is_file()).map(str::to_owned).collect();
        let readable = paths.iter().filter_map(|path| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(SourceFile { path: path.clone(), text })
        });
        let files = readable.collect();
        Ok(Self { root, paths, files })
    }

    /// Removes Rust files that cannot be parsed, and returns their paths.
    pub fn drop_unparsable(&mut self) -> Vec<String> {
        let is_unparsable = |file: &SourceFile| file.extension() == "rs" && syn::parse_file(&file.text).is_err();
        let (unparsable, files) = std::mem::take(&mut self.files).into_iter().partition(is_unparsable);
        self.files = files;
        let unparsable: Vec<SourceFile> = unparsable;
        unparsable.into_iter().map(|file| file.path).collect()
    }

    /// Rust files, each with its path.
    pub fn rust_files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.extension() == "rs")
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn git(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().context("failed to run git")?;
    ensure!(output.status.success(), "git failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).context("git printed invalid UTF-8")
}

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    /// From 1; 0 for a finding about a whole file or folder.
    pub line: usize,
    pub message: String,
}

impl Finding {
    /// A finding at a line of a file.
    pub fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}
