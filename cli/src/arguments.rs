//! Arguments: the command line as it is typed.

use std::ffi::OsString;
use std::path::PathBuf;

use alwrity_metering::Timestamp;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser};

use crate::command::Command;
use crate::command::replay::Share;
use crate::option_flags;

/// What `--help` ends with.
const EXIT_CODES: &str =
    "Exit codes: 0 done or allowed, 1 a difference or a failure, 2 usage, 3 refused.";

/// Prices every call to a model, refuses the call that would break a plan, and tells what was
/// used, all of it in one file.
#[derive(Debug, Parser)]
#[command(
    name = "alwrity-metering",
    version,
    disable_help_subcommand = true,
    after_help = "`--help` also lists the options of the library, which are accepted anywhere.",
    after_long_help = EXIT_CODES
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The options that stand anywhere.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The file of the store
    #[arg(
        long,
        value_name = "FILE",
        env = "ALWRITY_METERING_DB",
        hide_env_values = true,
        global = true
    )]
    pub(crate) db: Option<PathBuf>,
    /// Answer with one JSON document; money is exact decimal text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do it as of this time, such as `2025-10-01T00:00:00Z`, instead of now
    #[arg(long, value_name = "TIME", global = true)]
    pub(crate) at: Option<Timestamp>,
    /// Do one job's share of a replay; `replay --jobs` starts this
    #[arg(long, value_name = "J/N", hide = true, global = true)]
    pub(crate) worker: Option<Share>,
}

/// A command line that was understood.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) global: Global,
    pub(crate) command: Command,
    /// Where the options of the library are.
    pub(crate) matches: ArgMatches,
}

/// The command line, for its help and its completions.
pub(crate) fn command_line() -> clap::Command {
    option_flags::add(Arguments::command())
}

/// Reads a command line.
pub(crate) fn parse(args: &[OsString]) -> Result<Parsed, clap::Error> {
    let mut command_line = command_line();
    let name = OsString::from("alwrity-metering");
    let matches = command_line.try_get_matches_from_mut(std::iter::once(&name).chain(args))?;
    let Arguments { global, command } =
        Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command_line))?;
    Ok(Parsed { global, command, matches })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_does_not_contradict_itself() {
        command_line().debug_assert();
    }
}
