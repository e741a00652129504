//! Gives the shared library its name for the loader: the part of the version that callers are
//! bound to, as docs/c-abi.md says.

fn main() {
    let part = |name: &str| std::env::var(format!("CARGO_PKG_VERSION_{name}")).unwrap_or_default();
    let bound_to = match part("MAJOR").as_str() {
        "0" => format!("0.{}", part("MINOR")),
        major => major.to_owned(),
    };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libalwrity_metering.so.{bound_to}");
    println!("cargo::rerun-if-changed=build.rs");
}
