//! Flags for the options of the library, made from its own table.

use alwrity_metering::Options;
use alwrity_metering::meter::options::{OPTIONS, OptionRow};
use clap::{Arg, ArgMatches, Command};

use crate::failure::Failure;

/// Adds a flag for every option of the library, accepted anywhere.
pub(crate) fn add(command: Command) -> Command {
    command.args(OPTIONS.iter().map(flag))
}

fn flag(row: &'static OptionRow) -> Arg {
    let is_switch = row.expected == "true or false";
    let help = format!(
        "{}: {} [default: {}] [env: {}]",
        capitalised(row.meaning),
        row.expected,
        row.default,
        row.environment()
    );
    let flag = Arg::new(row.name)
        .long(row.name.replace('_', "-"))
        .value_name("VALUE")
        .help(help)
        .help_heading("Options of the library")
        .hide_short_help(true)
        .global(true);
    if is_switch {
        flag.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        flag
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The options that the environment sets, and then the flags.
pub(crate) fn read(matches: &ArgMatches) -> Result<Options, Failure> {
    let mut options = Options::default();
    options.set_from_environment()?;
    for row in OPTIONS {
        if let Some(text) = matches.get_one::<String>(row.name) {
            options.set(row.name, text)?;
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_library_has_its_flag_anywhere() {
        let command = add(Command::new("x").subcommand(Command::new("deep")));
        for row in OPTIONS {
            let given = format!("{}={}", row.flag(), row.default);
            for args in [["x", &given, "deep"], ["x", "deep", &given]] {
                let matches = command.clone().try_get_matches_from(args).unwrap();
                let text = matches.get_one::<String>(row.name).map(String::as_str);
                assert_eq!(text, Some(row.default), "{args:?}");
            }
        }
    }

    #[test]
    fn a_switch_needs_no_value() {
        let command = add(Command::new("x"));
        let matches = command.try_get_matches_from(["x", "--allow-linked-file"]).unwrap();
        assert!(read(&matches).unwrap().allow_linked_file);
    }
}
