//! Checks of the built images.

use anyhow::{Context, Result, ensure};

use super::project::{Project, docker};
use crate::table::Table;
use catalog::ServiceName;

/// Fails if an image runs as root. Returns a table of the image sizes.
pub(super) fn inspect(project: &Project) -> Result<Table> {
    let mut table = Table::new(&["image", "MB"], &[1]);
    for service in ServiceName::all() {
        let image = format!("{}-{service}", project.name());
        let answer = docker(&["image", "inspect", "--format", "{{.Size}} {{.Config.User}}", &image])?;
        let (size, user) = answer.trim().split_once(' ').unwrap_or((answer.trim(), ""));
        let ordinary = user.split(':').next().is_some_and(|id| id.parse().is_ok_and(|id: u32| id != 0));
        ensure!(ordinary, "the image of {service} runs as '{user}', which must be a number other than root's");
        let bytes: f64 = size.parse().with_context(|| format!("the size of {service}'s image is '{size}'"))?;
        table.row(vec![service.to_string(), format!("{:.1}", bytes / 1e6)]);
    }
    Ok(table)
}
