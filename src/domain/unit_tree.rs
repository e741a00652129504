//! Which unit is a part of which: cached tokens are inside input tokens, and so on.
//!
//! Billing every part once is the one rule that most metering bugs break. `UnitTree::split`
//! turns totals and subsets into quantities that do not overlap and that add to the totals.

use std::collections::BTreeMap;

use super::usage::{Unit, Usage};
use crate::error::{Error, Result};

/// The parents of every unit that is a subset of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitTree {
    parents: BTreeMap<Unit, Vec<Unit>>,
}

impl Default for UnitTree {
    /// The common units.
    fn default() -> Self {
        let inside = |part: Unit, whole: Unit| (part, vec![whole]);
        Self {
            parents: BTreeMap::from([
                inside(Unit::CachedInputTokens, Unit::InputTokens),
                inside(Unit::CacheWrite5mTokens, Unit::InputTokens),
                inside(Unit::CacheWrite1hTokens, Unit::InputTokens),
                inside(Unit::InputAudioTokens, Unit::InputTokens),
                inside(Unit::ReasoningTokens, Unit::OutputTokens),
                inside(Unit::OutputAudioTokens, Unit::OutputTokens),
            ]),
        }
    }
}

/// A quantity that overlaps with no other of the same split.
pub(crate) type Share = (Unit, i64);

impl UnitTree {
    /// Adds a unit as a part of `parents`; the first is the one whose rate stands in for it.
    pub fn insert(&mut self, unit: Unit, parents: Vec<Unit>) -> Result<()> {
        let cycle = parents.contains(&unit) || parents.iter().any(|p| self.is_inside(p, &unit));
        if cycle {
            let reason = "a unit cannot be a part of itself".into();
            return Err(Error::InvalidUsage { unit: unit.to_string(), reason });
        }
        if parents.is_empty() {
            self.parents.remove(&unit);
        } else {
            self.parents.insert(unit, parents);
        }
        Ok(())
    }

    /// The units that this one is directly a part of.
    pub fn parents(&self, unit: &Unit) -> &[Unit] {
        self.parents.get(unit).map_or(&[], Vec::as_slice)
    }

    /// Every unit that is a part of others, with its parents.
    pub fn iter(&self) -> impl Iterator<Item = (&Unit, &[Unit])> {
        self.parents.iter().map(|(unit, parents)| (unit, parents.as_slice()))
    }

    /// Whether `part` is inside `whole`, directly or through others.
    pub fn is_inside(&self, part: &Unit, whole: &Unit) -> bool {
        self.parents(part).iter().any(|parent| parent == whole || self.is_inside(parent, whole))
    }

    fn depth(&self, unit: &Unit) -> usize {
        self.parents(unit).iter().map(|parent| 1 + self.depth(parent)).max().unwrap_or(0)
    }

    /// The root that a unit belongs to, such as `input_tokens`; itself when it is a root.
    pub fn root<'a>(&'a self, unit: &'a Unit) -> &'a Unit {
        self.parents(unit).first().map_or(unit, |parent| self.root(parent))
    }

    /// The usage as shares that do not overlap and that add to every total.
    ///
    /// Two subsets may overlap where the provider does not say how (cached and audio): what they
    /// have too much is taken from the audio side, so that nothing is billed twice.
    ///
    /// # Errors
    /// [`Error::InvalidUsage`] when a subset alone is larger than its whole.
    pub(crate) fn split(&self, usage: &Usage) -> Result<Vec<Share>> {
        let mut deepest_first: Vec<Share> = usage.iter().collect();
        self.check_subsets(usage, &deepest_first)?;
        if deepest_first.iter().all(|(unit, _)| self.parents(unit).is_empty()) {
            return Ok(deepest_first);
        }
        deepest_first.sort_by_key(|(unit, _)| std::cmp::Reverse(self.depth(unit)));
        let mut shares: Vec<Share> = Vec::with_capacity(deepest_first.len());
        for (unit, quantity) in deepest_first {
            let inside: i64 = shares
                .iter()
                .filter(|(part, _)| self.is_inside(part, &unit))
                .fold(0_i64, |sum, (_, share)| sum.saturating_add(*share));
            let rest = quantity.saturating_sub(inside);
            if rest < 0 {
                self.take_overlap(&mut shares, &unit, -rest)?;
            }
            shares.push((unit, rest.max(0)));
        }
        shares.retain(|(_, share)| *share > 0);
        Ok(shares)
    }

    fn check_subsets(&self, usage: &Usage, present: &[Share]) -> Result<()> {
        for (unit, quantity) in present {
            let too_small = self.parents(unit).iter().find(|whole| usage.get(whole) < *quantity);
            if let Some(whole) = too_small {
                let total = usage.get(whole);
                return Err(Error::InvalidUsage {
                    unit: unit.to_string(),
                    reason: format!("`{quantity}` is more than `{whole}`, which is {total}").into(),
                });
            }
        }
        Ok(())
    }

    /// Takes `excess` from the shares inside `whole`, those of audio and later units first.
    fn take_overlap(&self, shares: &mut [Share], whole: &Unit, mut excess: i64) -> Result<()> {
        let mut order: Vec<usize> =
            (0..shares.len()).filter(|i| self.is_inside(&shares[*i].0, whole)).collect();
        order.sort_by(|a, b| shares[*b].0.cmp(&shares[*a].0));
        for index in order {
            let taken = excess.min(shares[index].1);
            shares[index].1 -= taken;
            excess -= taken;
        }
        if excess == 0 {
            return Ok(());
        }
        let reason = "its parts add to more than the whole".into();
        Err(Error::InvalidUsage { unit: whole.to_string(), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(shares: &[Share], unit: &Unit) -> i64 {
        shares.iter().find(|(u, _)| u == unit).map_or(0, |(_, share)| *share)
    }

    #[test]
    fn parts_are_taken_out_of_their_whole_once() {
        let usage = Usage::tokens(100, 50)
            .with(Unit::CachedInputTokens, 30)
            .with(Unit::CacheWrite5mTokens, 20)
            .with(Unit::ReasoningTokens, 40);
        let shares = UnitTree::default().split(&usage).unwrap();
        assert_eq!(share(&shares, &Unit::InputTokens), 50);
        assert_eq!(share(&shares, &Unit::OutputTokens), 10);
        assert_eq!(shares.iter().map(|(_, s)| s).sum::<i64>(), 150);
    }

    #[test]
    fn a_unit_with_two_parents_is_taken_from_both_once() {
        let mut tree = UnitTree::default();
        let cached_audio: Unit = "cached_input_audio_tokens".parse().unwrap();
        tree.insert(cached_audio.clone(), vec![Unit::CachedInputTokens, Unit::InputAudioTokens])
            .unwrap();
        let usage = Usage::tokens(100, 0)
            .with(Unit::CachedInputTokens, 60)
            .with(Unit::InputAudioTokens, 50)
            .with(cached_audio.clone(), 40);
        let shares = tree.split(&usage).unwrap();
        assert_eq!(share(&shares, &cached_audio), 40);
        assert_eq!(share(&shares, &Unit::CachedInputTokens), 20);
        assert_eq!(share(&shares, &Unit::InputAudioTokens), 10);
        assert_eq!(share(&shares, &Unit::InputTokens), 30);
    }

    #[test]
    fn overlapping_subsets_never_add_to_more_than_the_whole() {
        let usage = Usage::tokens(120, 0)
            .with(Unit::CachedInputTokens, 80)
            .with(Unit::InputAudioTokens, 100);
        let shares = UnitTree::default().split(&usage).unwrap();
        assert_eq!(shares.iter().map(|(_, s)| s).sum::<i64>(), 120);
        assert_eq!(share(&shares, &Unit::CachedInputTokens), 80);
    }

    #[test]
    fn a_subset_larger_than_its_whole_is_an_error_that_names_both() {
        let usage = Usage::tokens(10, 0).with(Unit::CachedInputTokens, 11);
        let text = UnitTree::default().split(&usage).unwrap_err().to_string();
        assert!(text.contains("cached_input_tokens") && text.contains("input_tokens"), "{text}");
    }

    #[test]
    fn a_unit_is_never_inside_itself() {
        let mut tree = UnitTree::default();
        assert!(tree.insert(Unit::InputTokens, vec![Unit::CachedInputTokens]).is_err());
        assert!(tree.insert(Unit::Pages, vec![Unit::Pages]).is_err());
    }
}
