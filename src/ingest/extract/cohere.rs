//! Cohere: what is billed and what was read are two counts, and the billed one counts.

use super::shape::{As, CACHED, INPUT, OUTPUT, Shape};

const BILLED: &[(&str, As)] = &[
    ("input_tokens", As::Whole(INPUT)),
    ("output_tokens", As::Whole(OUTPUT)),
    ("search_units", As::Whole("searches")),
    ("images", As::Whole("input_images")),
    ("image_tokens", As::Inside("input_image_tokens")),
    ("classifications", As::Whole("classifications")),
];
const BILLED_NEEDS: &[&str] = &["input_tokens", "output_tokens", "search_units", "images"];

/// The second version's chat.
const CHAT: Shape =
    Shape { root: "usage.billed_units", needs: BILLED_NEEDS, fields: BILLED, ..Shape::EMPTY };

/// The first version's chat, embeddings and ranking.
const META: Shape =
    Shape { root: "meta.billed_units", needs: BILLED_NEEDS, fields: BILLED, ..Shape::EMPTY };

/// Without billed units: what was read.
const TOKENS: Shape = Shape {
    root: "usage",
    needs: &["tokens.input_tokens", "tokens.output_tokens"],
    fields: &[
        ("tokens.input_tokens", As::Whole(INPUT)),
        ("tokens.output_tokens", As::Whole(OUTPUT)),
        ("cached_tokens", As::Inside(CACHED)),
    ],
    known: &["billed_units"],
    ..Shape::EMPTY
};

/// The end of a first version's stream holds the whole answer.
const STREAM_END: Shape = Shape { root: "response.meta.billed_units", ..META };

/// What Cohere answers; its compatible form is OpenAI's.
pub(super) const SHAPES: &[&Shape] = &[&CHAT, &META, &STREAM_END, &TOKENS, &super::openai::CHAT];
