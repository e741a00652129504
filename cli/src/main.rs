//! The `alwrity-metering` command. All of it is in the library of this package, because the Python
//! wheel ships the same command.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let name = args.next();
    let own = std::env::current_exe().map(Into::into).ok().or(name);
    let self_command: Vec<_> = own.into_iter().collect();
    ExitCode::from(alwrity_metering_cli::run(args, &self_command))
}
