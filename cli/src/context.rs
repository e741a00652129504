//! The context: what every command is given beside its own arguments.

use std::ffi::OsString;
use std::path::Path;

use alwrity_metering::{Clock, Meter, Options};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::sheet::{Column, Sheet, Style};

/// What every command is given beside its own arguments.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The options that stand anywhere.
    pub(crate) global: Global,
    /// The options of the library.
    pub(crate) options: Options,
    /// How tables are shown.
    pub(crate) style: Style,
    /// Whether a long work shows its progress on standard error.
    pub(crate) shows_progress: bool,
    /// The arguments as they were typed.
    pub(crate) args: &'a [OsString],
    /// What starts this command again.
    pub(crate) self_command: &'a [OsString],
}

impl Context<'_> {
    /// The store, which has to be there: a mistyped name must not make an empty one.
    pub(crate) fn open(&self) -> Result<Meter, Failure> {
        let path = self.db()?;
        if std::fs::symlink_metadata(path).is_err() {
            let name = path.display();
            return Err(Failure::other_with_hint(
                format!("there is no store at `{name}`"),
                format!("make one with `alwrity-metering --db {name} init`"),
            ));
        }
        self.create()
    }

    /// The store, made if it is not there.
    pub(crate) fn create(&self) -> Result<Meter, Failure> {
        self.open_at(self.db()?, self.options.clone())
    }

    /// A store at any path, made if it is not there, at the time that was asked for.
    pub(crate) fn open_at(&self, path: &Path, options: Options) -> Result<Meter, Failure> {
        let mut options = options;
        if let Some(at) = self.global.at {
            options.clock = Clock::Fixed(at);
        }
        Ok(Meter::open(path, options)?)
    }

    /// The path of the store.
    pub(crate) fn db(&self) -> Result<&Path, Failure> {
        self.global.db.as_deref().filter(|path| !path.as_os_str().is_empty()).ok_or_else(|| {
            Failure::usage(
                "no store is named",
                "give `--db FILE`, or set `ALWRITY_METERING_DB` in the environment",
            )
        })
    }

    /// An empty table in the style of this command.
    pub(crate) fn sheet(&self, columns: &[Column]) -> Sheet {
        Sheet::new(self.style, columns)
    }

    /// A list of names and values.
    pub(crate) fn facts<N, V>(&self, facts: impl IntoIterator<Item = (N, V)>) -> String
    where
        N: Into<String>,
        V: ToString,
    {
        let mut sheet = self.sheet(&[Column::Text(""), Column::Prose("")]);
        for (name, value) in facts {
            sheet.row([name.into(), value.to_string()]);
        }
        sheet.render()
    }
}
