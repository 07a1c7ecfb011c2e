//! Which sites hold the memory of a profile.

use std::ops::AddAssign;
use std::sync::Arc;

use serde::Serialize;

use super::Question;
use super::frames::{Caller, Frame};
use super::interval::Interval;
use super::lines::{Line, SitePlaces, lines_of, live_bytes};
use super::process::{Process, Usage};
use super::sites::Sites;
use super::stacks::{self, Stacks};
use super::tally::Tally;
use crate::profile::estimate::Total;
use crate::profile::lines::ByLine;
use crate::profile::{Estimate, Include, Profile, Stated};

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Top {
    /// Which objects are counted: all that were allocated where V8 did not tell the live ones.
    pub include: Include,
    /// Whose stacks they are; none of other tools' files.
    pub stacks: Option<Stacks>,
    /// What the process held as a whole; none if the profile does not tell.
    pub process: Option<Process>,
    /// All live bytes of the profile.
    pub bytes: Interval,
    /// All live objects; none if the profile does not count them.
    pub objects: Option<Interval>,
    /// The part of `bytes` that heap-profile itself holds, which is no site.
    pub own_bytes: Interval,
    /// The sites, those that hold most bytes first.
    pub sites: Vec<TopSite>,
    /// Sites that were left out by the limit.
    pub omitted: usize,
}

/// A site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopSite {
    /// What it is.
    #[serde(flatten)]
    pub frame: Arc<Frame>,
    /// See [`Sites::callers`].
    pub stack: Vec<Caller>,
    /// The lines of it that allocate, or with `total` call what does, those that hold most first; as far as they are known.
    pub lines: Vec<Line>,
    /// Live bytes.
    pub bytes: Interval,
    /// Live objects; none if the profile does not count them.
    pub objects: Option<Interval>,
    /// Part of all live bytes, 0 to 1.
    pub share: f64,
    /// Sampled objects behind the estimate.
    pub sample_count: u64,
}

/// What a site holds: estimates, and what the file states beside its samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holding {
    estimate: Estimate,
    bytes: f64,
    objects: Option<f64>,
}

impl Holding {
    fn state(&mut self, stated: &Stated) {
        self.bytes += stated.bytes;
        if let Some(objects) = stated.objects {
            *self.objects.get_or_insert(0.0) += objects;
        }
    }

    fn interval(&self, total: &Total, stated: f64, is_sampled: bool) -> Interval {
        if is_sampled {
            Interval::of(total, stated)
        } else {
            Interval::unknown(total.estimate + stated)
        }
    }

    /// Live bytes; without bounds where nothing was sampled.
    pub fn bytes(&self, is_sampled: bool) -> Interval {
        self.interval(&self.estimate.bytes, self.bytes, is_sampled)
    }

    /// Sampled objects behind the estimate.
    pub fn sample_count(&self) -> u64 {
        self.estimate.sample_count
    }

    fn objects(&self, is_sampled: bool) -> Option<Interval> {
        let is_known = is_sampled || self.objects.is_some();
        let stated = self.objects.unwrap_or(0.0);
        is_known.then(|| self.interval(&self.estimate.objects, stated, is_sampled))
    }
}

impl AddAssign for Holding {
    fn add_assign(&mut self, other: Holding) {
        self.estimate += other.estimate;
        self.bytes += other.bytes;
        if let Some(objects) = other.objects {
            *self.objects.get_or_insert(0.0) += objects;
        }
    }
}

/// Answers the question.
pub fn top(profile: &Profile, question: &Question) -> Top {
    let by_line = ByLine::of(profile);
    let profile = by_line.profile();
    let mut sites = Sites::new(question.grouping.clone());
    let placed = sites.of_nodes(&by_line);
    let tally = Tally::new(profile, &placed.sites, sites.len(), question.total);
    let (holdings, all) = hold(profile, tally);
    let mut places = SitePlaces::default();
    let held = if by_line.knows_lines() {
        let numbers = places.of_nodes(&placed);
        live_bytes(profile, Tally::new(profile, &numbers, places.len(), question.total))
    } else {
        Vec::new()
    };
    let held = places.by_site(&held);
    let is_sampled = profile.interval().is_some();
    let bytes_of = |site: u32| holdings[site as usize].bytes(is_sampled);
    let own = sites.own();
    let mut found: Vec<(u32, Interval)> = (0..sites.len() as u32)
        .filter(|&site| Some(site) != own)
        .map(|site| (site, bytes_of(site)))
        .filter(|&(site, bytes)| bytes.estimate > 0.0 && question.asks_for(sites.frame(site)))
        .collect();
    found.sort_by(|(_, one), (_, other)| other.estimate.total_cmp(&one.estimate));
    let omitted = found.len().saturating_sub(question.limit());
    found.truncate(question.limit());
    let whole = all.bytes(is_sampled);
    // Sums in another order are rounded otherwise, but no part is more than the whole.
    let share_of = |bytes: &Interval| (bytes.estimate / whole.estimate).min(1.0);
    let described = found.into_iter().map(|(site, bytes)| {
        let holding = &holdings[site as usize];
        TopSite {
            frame: sites.frame(site).clone(),
            stack: sites.callers(site),
            lines: held
                .get(&site)
                .map_or_else(Vec::new, |parts| lines_of(&sites, parts.iter().copied())),
            bytes,
            objects: holding.objects(is_sampled),
            share: if whole.estimate > 0.0 { share_of(&bytes) } else { 0.0 },
            sample_count: holding.sample_count(),
        }
    });
    Top {
        include: profile.counted(),
        stacks: stacks::of(&[&profile.metadata]),
        process: Process::over(&[Usage::of(&profile.metadata)], None),
        own_bytes: own
            .map_or_else(Holding::default, |own| holdings[own as usize])
            .bytes(is_sampled),
        bytes: whole,
        objects: all.objects(is_sampled),
        sites: described.collect(),
        omitted,
    }
}

/// What each site holds, and what all hold.
pub fn hold(profile: &Profile, mut tally: Tally<'_, Holding>) -> (Vec<Holding>, Holding) {
    let mut all = Holding::default();
    if let Some(interval) = profile.interval() {
        for (sample, node) in profile.samples.iter().zip(&profile.totals().sample_nodes) {
            let Some(node) = node.filter(|_| sample.is_live) else { continue };
            all.estimate.add(sample.size, interval, 1);
            tally.at(node).estimate.add(sample.size, interval, 1);
        }
    }
    for stated in profile.stated.iter() {
        all.state(stated);
        tally.at(stated.node).state(stated);
    }
    (tally.by_site(), all)
}

#[cfg(test)]
mod tests {
    use super::super::sites::{By, Grouping};
    use super::super::testing::{Call, profile};
    use super::*;
    use crate::profile::Parts;

    const CALLS: [Call; 3] = [
        Call { caller: 0, name: "main", url: "/app/a.js", samples: &[(64, 1)] },
        Call { caller: 1, name: "load", url: "/app/b.js", samples: &[(64, 2), (64, 3), (80, 4)] },
        Call { caller: 2, name: "main", url: "/app/a.js", samples: &[(64, 5)] },
    ];

    fn names(top: &Top) -> Vec<(&str, u64)> {
        let sites = top.sites.iter();
        sites.map(|site| (site.frame.function_name.as_str(), site.sample_count)).collect()
    }

    #[test]
    fn those_that_hold_most_come_first() {
        let profile = profile(&CALLS);
        let top = top(&profile, &Question::default());
        assert_eq!(names(&top), [("load", 3), ("main", 2)]);
        let sum: f64 = top.sites.iter().map(|site| site.bytes.estimate).sum();
        assert_eq!(Some(top.bytes.estimate), profile.totals().live_bytes);
        assert!((sum - top.bytes.estimate).abs() < 1.0);
        assert!((top.sites.iter().map(|site| site.share).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(top.sites[0].bytes.low < Some(top.sites[0].bytes.estimate));
        assert_eq!(top.sites[0].stack[0].frame.function_name, "main");
    }

    #[test]
    fn totals_count_a_function_that_calls_itself_once() {
        let question = Question { total: true, ..Question::default() };
        let top = top(&profile(&CALLS), &question);
        assert_eq!(names(&top), [("(root)", 5), ("main", 5), ("load", 4)]);
    }

    #[test]
    fn filters_and_limits() {
        let question = Question { filter: "b.js".into(), ..Question::default() };
        assert_eq!(names(&top(&profile(&CALLS), &question)), [("load", 3)]);
        let question = Question { limit: Some(1), ..Question::default() };
        let limited = top(&profile(&CALLS), &question);
        assert_eq!((names(&limited), limited.omitted), (vec![("load", 3)], 1));
    }

    #[test]
    fn what_heap_profile_holds_is_no_site_but_part_of_the_whole() {
        const LIB: &str = "/app/node_modules/heap-profile/lib/snapshot.js";
        let call = |name, url, samples| Call { caller: 0, name, url, samples };
        let calls = [
            call("load", "/app/b.js", &[(64, 1), (64, 2)][..]),
            call("takeSnapshot", LIB, &[(64, 3)]),
        ];
        let held = top(&profile(&calls), &Question::default());
        assert_eq!((names(&held), held.omitted), (vec![("load", 2)], 0));
        let sum = held.sites[0].bytes.estimate + held.own_bytes.estimate;
        assert!((sum - held.bytes.estimate).abs() < 1e-6 && held.own_bytes.estimate > 0.0);
        assert_eq!(top(&profile(&calls[..1]), &Question::default()).own_bytes.estimate, 0.0);
    }

    #[test]
    fn numbers_of_other_tools_have_no_interval() {
        let mut profile = profile(&CALLS);
        profile.parts_mut().metadata.sample_interval_bytes = None;
        profile.parts_mut().stated =
            Arc::new(vec![Stated { node: 2, line: 0, bytes: 5000.0, objects: None }]);
        let grouping = Grouping { by: By::File, ..Grouping::default() };
        let profile =
            Profile::from_file(Parts { samples: Arc::default(), ..profile.parts_mut().clone() });
        let top = top(&profile, &Question { grouping, ..Question::default() });
        assert_eq!(top.sites.len(), 1);
        assert_eq!(top.sites[0].bytes, Interval::unknown(5000.0));
        assert!(top.sites[0].objects.is_none() && top.objects.is_none());
        assert_eq!(top.sites[0].frame.url, "/app/b.js");
    }
}
