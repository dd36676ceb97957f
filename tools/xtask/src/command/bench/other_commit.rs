//! Services of another commit, built in a git worktree.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use catalog::ServiceName;

use crate::build::workspace::{Workspace, cargo};
use crate::process::tool;
use crate::progress::Progress;

/// Directory of the worktree below the target directory. There is only one, which each comparison uses again, so that
/// cargo compiles only the changes.
const WORKTREE: &str = "bench-other";

const GIT: Duration = Duration::from_mins(2);
const BUILDING: Duration = Duration::from_hours(1);

/// Another commit, checked out.
pub(super) struct OtherCommit {
    name: String,
    worktree: PathBuf,
}

impl OtherCommit {
    /// Checks out the commit in the worktree, and creates the worktree if it is missing.
    ///
    /// # Errors
    /// The commit is unknown, or git fails.
    pub(super) fn check_out(workspace: &Workspace, commit: &str) -> Result<Self> {
        let worktree = workspace.target().join(WORKTREE);
        let resolve = ["rev-parse", "--verify", "--short", &format!("{commit}^{{commit}}")];
        let name = git(workspace.root(), &resolve).with_context(|| format!("unknown commit {commit}"))?;
        let name = name.trim().to_owned();
        let path = worktree.to_string_lossy();
        if worktree.join(".git").exists() {
            git(&worktree, &["checkout", "--quiet", "--force", "--detach", &name])?;
        } else {
            // The directory of a registered worktree may have been removed.
            git(workspace.root(), &["worktree", "prune"])?;
            git(workspace.root(), &["worktree", "add", "--quiet", "--force", "--detach", &path, &name])?;
        }
        Ok(Self { name, worktree })
    }

    /// Abbreviated hash.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Builds the services optimized, with the worktree's own target directory. Returns the directory of the programs.
    ///
    /// # Errors
    /// The build fails.
    pub(super) fn build(&self, progress: Progress) -> Result<PathBuf> {
        let step = progress.step_shown_by_itself(format!("building the services of {}", self.name));
        let target = self.worktree.join("target");
        let mut command = Command::new(cargo());
        command.args(["build", "--release", "--bins"]).current_dir(&self.worktree).env("CARGO_TARGET_DIR", &target);
        command.args(ServiceName::all().flat_map(|service| ["--package", service.name()]));
        let code = tool::run_shown("cargo build", command, BUILDING)?;
        ensure!(code == 0, "failed to build the services of {}; the messages are above", self.name);
        step.done(&format!("built the services of {}", self.name));
        Ok(target.join("release"))
    }
}

fn git(dir: &std::path::Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(dir);
    tool::stdout_of("git", command, GIT)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::build::workspace::remove_dir;

    #[test]
    fn commits_take_turns_in_one_worktree() {
        let dir = Workspace::find().expect("this is a workspace").run_dir("test-bench-other").expect("a directory");
        let root = dir.join("repository");
        fs::create_dir(&root).expect("created");
        let git = |arguments: &[&str]| git(&root, arguments).expect("git succeeds");
        git(&["init", "--quiet"]);
        for text in ["one", "two"] {
            fs::write(root.join("file"), text).expect("written");
            git(&["add", "file"]);
            let author = ["-c", "user.name=ada", "-c", "user.email=ada@example.com"];
            git(&[&author[..], &["commit", "--quiet", "--no-gpg-sign", "--no-verify", "-m", text]].concat());
        }
        let workspace = Workspace::at(root.clone(), dir.join("target"));
        let text = |commit: &str| {
            let other = OtherCommit::check_out(&workspace, commit).expect("checked out");
            fs::read_to_string(other.worktree.join("file")).expect("read")
        };
        assert_eq!((text("HEAD~1"), text("HEAD")), ("one".to_owned(), "two".to_owned()));
        fs::remove_dir_all(dir.join("target")).expect("removed");
        assert_eq!(text("HEAD~1"), "one");
        let Err(error) = OtherCommit::check_out(&workspace, "no-such-commit") else { panic!("it is unknown") };
        assert!(error.to_string().contains("unknown commit no-such-commit"), "{error:#}");
        remove_dir(&dir).expect("removed");
    }
}
