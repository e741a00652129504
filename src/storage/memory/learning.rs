//! What is learned: the model's factors for all users, the sizes of answers in each user's book.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::State;
use crate::ingest::{Calibration, Lesson, OutputSizes};
use crate::storage::{Learned, OfModel};

/// Provider and bare name of a model.
type ModelKey = (String, String);
/// What is known of each model.
pub(super) type Calibrations = BTreeMap<ModelKey, Calibration>;
/// How long one user's answers from each model were.
pub(super) type OutputsByModel = BTreeMap<ModelKey, OutputSizes>;

/// Folds in the size of an answer.
pub(super) fn learn_output(outputs: &mut OutputsByModel, lesson: Lesson) {
    if let Some(tokens) = lesson.output_tokens {
        outputs.entry((lesson.provider, lesson.model)).or_default().observe(tokens);
    }
}

impl State {
    /// Folds in what calls teach of their models.
    pub(super) fn learn(&mut self, lessons: &[Lesson]) {
        for lesson in lessons {
            let Some((estimate, reported_tokens)) = &lesson.input else { continue };
            let key = (lesson.provider.clone(), lesson.model.clone());
            let mut model = self.calibrations.get(&key).copied().unwrap_or_default();
            if model.learn(estimate, *reported_tokens) {
                Arc::make_mut(&mut self.calibrations).insert(key, model);
            }
        }
    }

    pub(super) fn learned(&self, user: &str, provider: &str, model: &str) -> Learned {
        let key = (provider.to_owned(), model.to_owned());
        let book = self.books.get(user);
        Learned {
            calibration: self.calibrations.get(&key).copied(),
            outputs: book.and_then(|book| book.outputs.get(&key)).cloned(),
        }
    }

    pub(super) fn all_calibrations(&self) -> Vec<OfModel<Calibration>> {
        self.calibrations.iter().map(of_model).collect()
    }

    pub(super) fn output_sizes(&self, user: &str) -> Vec<OfModel<OutputSizes>> {
        self.books
            .get(user)
            .into_iter()
            .flat_map(|book| book.outputs.iter().map(of_model))
            .collect()
    }
}

fn of_model<T: Clone>((key, learned): (&ModelKey, &T)) -> OfModel<T> {
    let (provider, model) = key.clone();
    OfModel { provider, model, learned: learned.clone() }
}
