//! Work: how many bytes the loops of this room have looked at, counted in tests alone.
//!
//! What it is: the proof that reading is linear, without a clock. Every loop over input tells its
//! length here. What it is not: a measure of speed; that is `benches/ingest.rs`.

/// A loop has looked at so many bytes of input.
#[cfg(not(test))]
#[inline]
pub(super) const fn visited(_bytes: usize) {}

#[cfg(test)]
pub(super) use counting::visited;

#[cfg(test)]
mod counting {
    use std::cell::Cell;

    thread_local!(static VISITED: Cell<usize> = const { Cell::new(0) });

    pub(in super::super) fn visited(bytes: usize) {
        VISITED.set(VISITED.get() + bytes);
    }

    /// What a work has visited.
    pub(super) fn visited_by(work: impl FnOnce()) -> usize {
        VISITED.set(0);
        work();
        VISITED.get()
    }
}

#[cfg(test)]
mod tests {
    use super::counting::visited_by;
    use crate::ingest::{
        TokenScan, UsageStream, detect_body_text, detect_model, detect_provider, estimate_tokens,
        extract_usage_text,
    };

    const SIZE: usize = 16_000;

    /// A work on some input and on eight times as much: each byte is visited a few times at most,
    /// and no more often in the larger one. Quadratic work would visit 64 times as many.
    fn assert_linear(what: &str, visits_max: usize, work: impl Fn(usize) -> usize) {
        let mut small = 0;
        let visited = visited_by(|| small = work(1));
        let mut large = 0;
        let visited_large = visited_by(|| large = work(8));
        assert!(visited > 0 && visited <= visits_max * small, "{what}: {visited} of {small}");
        let in_proportion = visited * large.div_ceil(small) + visits_max * 64;
        assert!(visited_large <= in_proportion, "{what}: {visited} of {small}, {visited_large}");
    }

    const UNITS: [&str; 14] = [
        "a",
        "aB",
        "1",
        " ",
        "\n",
        ".",
        "日",
        "a1. \n",
        "data:\n",
        "data: {}\n\n",
        "{",
        "[",
        "\"\\",
        "{}",
    ];

    fn text(unit: &str, times: usize) -> String {
        unit.repeat(SIZE / unit.len() * times)
    }

    #[test]
    fn a_text_is_scanned_once_whole_or_in_pieces() {
        for unit in UNITS {
            assert_linear(&format!("{unit:?}"), 2, |times| {
                let text = text(unit, times);
                estimate_tokens(&text);
                text.len()
            });
            assert_linear(&format!("{unit:?} in pieces"), 2, |times| {
                let text = text(unit, times);
                let mut scan = TokenScan::new();
                text.split_inclusive(|_| true).for_each(|piece| scan.push(piece));
                text.len()
            });
        }
    }

    #[test]
    fn an_answer_is_read_a_few_times_at_most() {
        for unit in UNITS {
            assert_linear(&format!("{unit:?}"), 6, |times| {
                let text = text(unit, times);
                extract_usage_text("openai", &text);
                text.len()
            });
        }
    }

    #[test]
    fn a_stream_is_read_a_few_times_at_most_wherever_it_is_cut() {
        let event = "{\"candidates\":[{}],\"x\":\"y\"}\n";
        for size in [1, 7, 1_000] {
            assert_linear(&format!("values in chunks of {size}"), 6, |times| {
                let text = event.repeat(200 * times);
                let mut stream = UsageStream::new("gemini");
                text.as_bytes().chunks(size).for_each(|chunk| stream.push_chunk(chunk));
                stream.finish();
                text.len()
            });
            assert_linear(&format!("one long event in chunks of {size}"), 6, |times| {
                let text = format!("data: {{\"a\":\"{}", "0123456789".repeat(500 * times));
                let mut stream = UsageStream::new("openai");
                text.as_bytes().chunks(size).for_each(|chunk| stream.push_chunk(chunk));
                stream.finish();
                text.len()
            });
        }
    }

    #[test]
    fn an_address_is_looked_through_once_for_each_host_that_is_known_and_a_name_is_bounded() {
        for unit in ["a", "a.", "a/", "@", ":", "://"] {
            let what = format!("{unit:?}");
            assert_linear(&what, 400, |times| {
                let text = text(unit, times);
                detect_provider(&text);
                text.len()
            });
            let visited = visited_by(|| {
                detect_model(&text(unit, 8));
            });
            assert!(visited <= 400 * 256, "{what}: {visited}");
        }
        for host in ["x.openai.com", "x.amazonaws.com", "x.fal.run"] {
            assert_linear(host, 400, |times| {
                let text = format!("https://{}{host}/v1", text("a.", times));
                detect_provider(&text);
                text.len()
            });
        }
    }

    #[test]
    fn only_the_first_events_of_a_stream_tell_whose_it_is() {
        assert_linear("events", 4, |times| {
            let text = "data: {\"x\":1}\n\n".repeat(500 * times);
            detect_body_text(&text);
            text.len()
        });
    }
}
