//! The examples run, and say what they are for.

#[path = "../../examples/enforce.rs"]
mod enforce;
#[path = "../../examples/quickstart.rs"]
mod quickstart;

#[test]
fn the_quickstart_runs() {
    quickstart::main().unwrap();
}

#[test]
fn the_limit_of_the_enforce_example_holds() {
    enforce::main().unwrap();
}
