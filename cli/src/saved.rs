//! Saved answers: the body that a provider answered with, in a file, and what it says.

use std::io::Read;
use std::path::Path;

use alwrity_metering::{
    Extracted, UsageStream, detect_body_text, extract_content_type, extract_usage_text,
};
use clap::Args;

use crate::failure::Failure;

/// How a saved answer is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Reading {
    /// Read it as a stream of events, also where it is one JSON object
    #[arg(long)]
    pub(crate) stream: bool,
    /// The answer's content type; of an image, a video or a sound it is all that tells
    #[arg(long, value_name = "TYPE", conflicts_with = "stream")]
    pub(crate) content_type: Option<String>,
}

/// What a saved answer says.
pub(crate) struct Saved {
    pub(crate) provider: String,
    pub(crate) operation: Option<String>,
    pub(crate) found: Extracted,
}

/// Reads the usage out of a saved answer. Who answered is told, or known by the answer's form.
pub(crate) fn read(
    path: &Path,
    provider: Option<&str>,
    reading: &Reading,
) -> Result<Saved, Failure> {
    let bytes = read_bytes(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let detected = detect_body_text(&text);
    let operation = detected.operation.map(String::from);
    let named = provider.map(str::to_owned).or(detected.provider.map(String::from));
    let shown = path.display();
    let provider = named.ok_or_else(|| {
        Failure::usage(
            format!("the form of `{shown}` does not tell who answered"),
            "give `--provider NAME`",
        )
    })?;
    let of_type = reading.content_type.as_deref().and_then(extract_content_type);
    let found = if reading.stream {
        let mut stream = UsageStream::new(&provider);
        stream.push_chunk(&bytes);
        stream.finish()
    } else {
        of_type.or_else(|| extract_usage_text(&provider, &text))
    };
    let found = found.ok_or_else(|| {
        Failure::other_with_hint(
            format!("`{shown}` reports no usage in a form of `{provider}`"),
            "an answer that reports none is recorded by its quantities, such as `--unit images=1`",
        )
    })?;
    Ok(Saved { provider, operation, found })
}

/// The bytes of a file, or of standard input where it is `-`.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::file("read", path, &error);
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(failed)
}

/// The text of a file, or of standard input where it is `-`.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read_bytes(path)?)
        .map_err(|_| Failure::other(format!("`{}` is not UTF-8 text", path.display())))
}
