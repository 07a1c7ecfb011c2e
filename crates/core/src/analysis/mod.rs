//! Questions asked of profiles: what holds memory, what grew, what leaks.
//!
//! Results are plain data that serialize to the JSON that index.d.ts documents.

pub mod answer;
pub mod diff;
pub mod flamegraph;
pub mod frames;
pub mod hunt;
pub mod interval;
pub mod leaks;
pub mod lines;
mod own;
pub mod process;
pub mod sites;
pub mod stacks;
mod statistics;
pub mod tally;
pub mod top;
mod ways;

#[cfg(test)]
mod testing;

use serde::Deserialize;

use frames::Frame;
use sites::Grouping;

/// Sites that an answer tells of if it is not asked for more: by stack there may be a million.
const MAX_SITES: usize = 10_000;

/// Which sites are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Question {
    /// How nodes become sites.
    #[serde(flatten)]
    pub grouping: Grouping,
    /// Whether sites count what they call, too.
    pub total: bool,
    /// Only sites whose function name or URL has this in it.
    pub filter: String,
    /// How many sites at most; none for `MAX_SITES`.
    pub limit: Option<usize>,
}

impl Question {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(MAX_SITES)
    }

    fn asks_for(&self, frame: &Frame) -> bool {
        frame.function_name.contains(&self.filter) || frame.url.contains(&self.filter)
    }
}

#[cfg(test)]
mod tests {
    //! Stacks as deep as no program's: what takes time or memory in proportion to the square of the
    //! depth would not end.

    use super::flamegraph::MAX_DEPTH;
    use super::leaks::Sessions;
    use super::sites::{By, MAX_CALLERS, Sites};
    use super::*;
    use crate::profile::{Profile, Sample, testing};
    use chrono::TimeDelta;
    use std::sync::Arc;

    const DEPTH: u32 = 200_000;

    /// So many functions that call each other in turn. Each call has a sample; the first one has that
    /// ordinal.
    fn chain(functions: u32, ordinal: u64) -> Profile {
        let names: Vec<String> = (0..functions).map(|index| format!("f{index}")).collect();
        let name = |node: u32| names[(node % functions) as usize].as_str();
        let nodes: Vec<_> =
            (0..DEPTH).map(|node| (node + 1, node.saturating_sub(1), name(node))).collect();
        let mut profile = testing::profile(&nodes);
        for node in Arc::make_mut(&mut profile.parts_mut().nodes) {
            node.line_number = 1;
        }
        let sample = |index: u32| Sample {
            ordinal: ordinal + u64::from(index),
            ..testing::sample(index + 1, 64, 1)
        };
        profile.parts_mut().samples = Arc::new((0..DEPTH).map(sample).collect());
        profile
    }

    fn questions() -> impl Iterator<Item = Question> {
        let groupings = [By::Function, By::Stack].map(|by| Grouping { by, ..Grouping::default() });
        let question = |grouping| Question { grouping, limit: Some(2), ..Question::default() };
        let questions = groupings.into_iter().map(question);
        questions.flat_map(|own| [Question { total: true, ..own.clone() }, own])
    }

    /// One that calls itself, two in turn, and none twice.
    const FUNCTIONS: [u32; 3] = [1, 2, DEPTH];

    #[test]
    fn tells_what_holds_memory_in_stacks_of_any_depth() {
        for functions in FUNCTIONS {
            let profile = chain(functions, 1);
            for question in questions() {
                let top = top::top(&profile, &question);
                assert!(top.sites.iter().all(|site| site.stack.len() <= MAX_CALLERS));
                assert_eq!(top.sites.len() + top.omitted, sites_of(&question, functions));
                let has_all = question.total || top.omitted == 0 && top.sites.len() == 1;
                assert_eq!((top.sites[0].share - 1.0).abs() < 1e-9, has_all);
            }
        }
    }

    #[test]
    fn tells_what_grew_in_stacks_of_any_depth() {
        for functions in FUNCTIONS {
            let (base, current) = (chain(functions, 1), chain(functions, 1000));
            for question in questions() {
                let diff = diff::diff(&base, &current, &question);
                assert_eq!(diff.growth.estimate, 0.0);
                assert_eq!(diff.sites.len() + diff.omitted, sites_of(&question, functions));
            }
        }
    }

    #[test]
    fn tells_what_leaks_in_stacks_of_any_depth() {
        for functions in FUNCTIONS {
            let captures = growing(functions);
            for question in questions().filter(|question| !question.total) {
                let mut sites = Sites::new(question.grouping.clone());
                let mut sessions = Sessions::default();
                for capture in &captures {
                    sessions.add(capture, String::new(), &mut sites);
                }
                let leaks = leaks::leaks(sessions, &sites, 2);
                assert_eq!(leaks.snapshots.len(), captures.len());
                assert_eq!(leaks.sites.len(), sites_of(&question, functions).min(2));
                // Else there are too few objects of each.
                let is_leak =
                    leaks.sites.len() < 2 || question.grouping.by == By::Function && functions == 2;
                assert_eq!(!leaks.leaks.is_empty(), is_leak);
            }
        }
    }

    /// Captures of which each has samples of more calls.
    fn growing(functions: u32) -> Vec<Profile> {
        let capture = |at: u32| {
            let mut profile = chain(functions, 1);
            let parts = profile.parts_mut();
            Arc::make_mut(&mut parts.samples).truncate((DEPTH / 5 * (at + 1)) as usize);
            let time = parts.metadata.taken_at.unwrap() + TimeDelta::hours(at.into());
            parts.metadata.taken_at = Some(time);
            profile
        };
        (0..5).map(capture).collect()
    }

    #[test]
    fn draws_stacks_of_any_depth() {
        let graph = flamegraph::flamegraph(&chain(DEPTH, 1), None);
        let graph = graph.view;
        assert_eq!(graph.calls.len(), MAX_DEPTH as usize + 1);
        // The first one is the root.
        assert_eq!(graph.functions.len() + graph.omitted_functions, DEPTH as usize - 1);
    }

    fn sites_of(question: &Question, functions: u32) -> usize {
        (if question.grouping.by == By::Stack { DEPTH } else { functions }) as usize
    }
}
