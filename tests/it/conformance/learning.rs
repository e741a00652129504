//! What is learned: folded with the call that teaches, or not at all.

use alwrity_metering::InputEstimate;
use alwrity_metering::domain::hold::Hold;
use alwrity_metering::ingest::{Calibration, Lesson, OutputSizes};
use alwrity_metering::storage::{Changes, Found, Learned, OfModel, Store};

use super::samples::{call, hold};
use super::works::{assert_verified, found, recording, seen, write};

const ESTIMATE: InputEstimate =
    InputEstimate { characters: 400, words: 80, text_tokens: 100, other_tokens: 11 };

fn lesson(model: &str, reported_tokens: i64, output_tokens: i64) -> Lesson {
    Lesson {
        provider: "gemini".into(),
        model: model.into(),
        input: Some((ESTIMATE, reported_tokens)),
        output_tokens: Some(output_tokens),
    }
}

fn teach(store: &dyn Store, user: &str, lessons: Vec<Lesson>) {
    write(store, Some(user), Changes { lessons, ..seen() }).unwrap();
}

fn of_model<T>(model: &str, learned: T) -> OfModel<T> {
    OfModel { provider: "gemini".into(), model: model.into(), learned }
}

fn sizes(answers: &[i64]) -> OutputSizes {
    let mut sizes = OutputSizes::new();
    answers.iter().for_each(|tokens| sizes.observe(*tokens));
    sizes
}

pub(crate) fn lessons_are_folded_in_their_order(store: &dyn Store) {
    assert_eq!(store.learned("u", "gemini", "one").unwrap(), Learned::default());
    teach(store, "u", vec![lesson("one", 120, 50), lesson("two", 111, 7)]);
    teach(store, "v", vec![lesson("one", 90, 3_000), lesson("one", 130, 9)]);
    let mut one = Calibration::new();
    for reported in [120, 90, 130] {
        assert!(one.learn(&ESTIMATE, reported));
    }
    let mut two = Calibration::new();
    assert!(two.learn(&ESTIMATE, 111));
    let known = store.calibrations().unwrap();
    assert_eq!(known, [of_model("one", one), of_model("two", two)]);
    assert_eq!(
        store.output_sizes("u").unwrap(),
        [of_model("one", sizes(&[50])), of_model("two", sizes(&[7]))]
    );
    // The factor is everybody's, the sizes of answers are the user's own.
    let learned = store.learned("v", "gemini", "one").unwrap();
    let outputs = Some(sizes(&[3_000, 9]));
    assert_eq!(learned, Learned { calibration: Some(one), outputs });
    let stranger = store.learned("w", "gemini", "one").unwrap();
    assert_eq!(stranger, Learned { calibration: Some(one), outputs: None });
    assert_eq!(store.learned("u", "openai", "one").unwrap(), Learned::default());
    assert_verified(store);
}

pub(crate) fn a_lesson_of_a_failed_work_is_not_learned(store: &dyn Store) {
    write(store, Some("u"), recording("u", &[("k", call())])).unwrap();
    let again = recording("u", &[("k", call())]);
    let changes = Changes { lessons: vec![lesson("one", 120, 50)], ..again };
    write(store, Some("u"), changes).unwrap_err();
    assert_eq!(store.learned("u", "gemini", "one").unwrap(), Learned::default());
    let lessons = vec![lesson("one", 120, 50)];
    write(store, Some("unseen"), Changes { lessons, ..Changes::default() }).unwrap_err();
    assert_eq!(store.calibrations().unwrap(), []);
    assert_verified(store);
}

pub(crate) fn a_lesson_may_be_of_one_side_alone(store: &dyn Store) {
    let no_input = Lesson { input: None, ..lesson("one", 1, 50) };
    let no_output = Lesson { output_tokens: None, ..lesson("two", 120, 1) };
    // Ten times what was estimated says more about the request than about the model.
    let implausible = lesson("three", 1_110, 5);
    teach(store, "u", vec![no_input, no_output, implausible]);
    let models =
        |found: Vec<OfModel<Calibration>>| found.into_iter().map(|of| of.model).collect::<Vec<_>>();
    assert_eq!(models(store.calibrations().unwrap()), ["two"]);
    let outputs = store.output_sizes("u").unwrap();
    let outputs: Vec<String> = outputs.into_iter().map(|of| of.model).collect();
    assert_eq!(outputs, ["one", "three"]);
}

pub(crate) fn what_was_learned_survives_rebuilding_and_leaves_with_its_user(store: &dyn Store) {
    teach(store, "u", vec![lesson("one", 120, 50)]);
    teach(store, "v", vec![lesson("one", 120, 50)]);
    let before = store.learned("u", "gemini", "one").unwrap();
    store.rebuild().unwrap();
    assert_eq!(store.learned("u", "gemini", "one").unwrap(), before);
    store.erase("u", "nobody").unwrap();
    assert_eq!(store.output_sizes("u").unwrap(), []);
    assert_eq!(store.output_sizes("nobody").unwrap(), []);
    assert_eq!(store.output_sizes("v").unwrap().len(), 1);
    // The factor is a sum over all users and tells nothing of one.
    assert_eq!(store.calibrations().unwrap()[0].learned.calls, 2);
    assert_verified(store);
}

pub(crate) fn a_hold_keeps_its_estimate(store: &dyn Store) {
    let estimated = Hold { input_estimate: Some(ESTIMATE), ..hold("u", "k") };
    write(store, Some("u"), Changes { holds: vec![estimated.clone()], ..seen() }).unwrap();
    assert_eq!(found(store, "u", "k"), Found::Hold(Box::new(estimated)));
}
