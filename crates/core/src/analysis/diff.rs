//! What grew and what shrank between two profiles.
//!
//! Two captures of one session share samples: what is in both did not change and does not add to the
//! error. So the difference is that of two independent totals, of what came and of what went.

use std::ops::AddAssign;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use serde::Serialize;

use super::Question;
use super::frames::{Caller, Frame};
use super::interval::Interval;
use super::lines::{Line, SitePlaces, lines_of, live_bytes};
use super::process::{Process, Usage};
use super::sites::{Placed, Sites};
use super::stacks::{self, Stacks};
use super::tally::Tally;
use crate::profile::lines::ByLine;
use crate::profile::{Estimate, Include, Profile};

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// Which objects are counted: all that were allocated where V8 did not tell the live ones, in one
    /// of the profiles at least.
    pub include: Include,
    /// Whose stacks they are; none of other tools' files.
    pub stacks: Option<Stacks>,
    /// Whether both are of one session, so that samples could be compared one by one.
    pub same_session: bool,
    /// What the process did as a whole; none unless both profiles tell.
    pub process: Option<Process>,
    /// From the first to the second capture, milliseconds; none if a profile does not tell.
    pub span_ms: Option<f64>,
    /// Growth of all live bytes.
    pub growth: Interval,
    /// The part of it that is heap-profile's own, which is no site.
    pub own_growth: Interval,
    /// The sites, those that grew most first and those that shrank most last.
    pub sites: Vec<DiffSite>,
    /// Sites that were left out by the limit, those that changed least.
    pub omitted: usize,
}

/// A site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffSite {
    /// What it is.
    #[serde(flatten)]
    pub frame: Arc<Frame>,
    /// See [`Sites::callers`].
    pub stack: Vec<Caller>,
    /// The lines of it that grew, or of a site that shrank those that did, each with its part of that;
    /// those that changed most first, as far as they are known.
    pub lines: Vec<Line>,
    /// Live bytes in the first profile.
    pub base: f64,
    /// Live bytes in the second.
    pub current: f64,
    /// The difference.
    pub growth: Interval,
    /// Whether the difference may be chance: 0 is within its interval.
    pub is_noise: bool,
}

/// What a site has in the one profile and not in the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    base: f64,
    current: f64,
    came: Estimate,
    went: Estimate,
    /// Growth of what files state beside their samples.
    stated: f64,
}

impl Change {
    /// The difference; without bounds where one of the profiles was not sampled.
    pub fn growth(&self, is_sampled: bool) -> Interval {
        if !is_sampled {
            return Interval::unknown(self.current - self.base);
        }
        let mut growth = Interval::difference(&self.came.bytes, &self.went.bytes);
        for bound in [&mut growth.low, &mut growth.high].into_iter().flatten() {
            *bound += self.stated;
        }
        growth.estimate += self.stated;
        growth
    }
}

impl AddAssign for Change {
    fn add_assign(&mut self, other: Change) {
        self.base += other.base;
        self.current += other.current;
        self.came += other.came;
        self.went += other.went;
        self.stated += other.stated;
    }
}

/// Answers the question.
pub fn diff(base: &Profile, current: &Profile, question: &Question) -> Diff {
    let mut sites = Sites::new(question.grouping.clone());
    let by_line = [ByLine::of(base), ByLine::of(current)];
    let placed = by_line.each_ref().map(|by_line| sites.of_nodes(by_line));
    let [base, current] = by_line.each_ref().map(ByLine::profile);
    let places = Changed::of(&by_line, &placed, question.total);
    let [Placed { sites: base_nodes, .. }, Placed { sites: current_nodes, .. }] = &placed;
    let tally = |profile, of_nodes| Tally::new(profile, of_nodes, sites.len(), question.total);
    let tallies = (tally(base, base_nodes), tally(current, current_nodes));
    let (changes, all) = compare((base, current), tallies);
    let is_sampled = base.interval().is_some() && current.interval().is_some();
    let own = sites.own();
    let mut found: Vec<(u32, Interval)> = (0..)
        .zip(&changes)
        .filter(|&(site, _)| Some(site) != own)
        .filter(|(_, change)| change.base != 0.0 || change.current != 0.0)
        .filter(|&(site, _)| question.asks_for(sites.frame(site)))
        .map(|(site, change)| (site, change.growth(is_sampled)))
        .collect();
    let omitted = keep_largest(&mut found, question.limit());
    found.sort_by(|(_, one), (_, other)| other.estimate.total_cmp(&one.estimate));
    let described = found.into_iter().map(|(site, growth)| DiffSite {
        frame: sites.frame(site).clone(),
        stack: sites.callers(site),
        lines: places.lines(&sites, site, growth.estimate),
        base: changes[site as usize].base,
        current: changes[site as usize].current,
        is_noise: growth.may_be_zero(),
        growth,
    });
    let own = own.map_or_else(Change::default, |own| changes[own as usize]);
    let usages = [base, current].map(|profile| Usage::of(&profile.metadata));
    let is_live = base.knows_liveness && current.knows_liveness;
    Diff {
        include: if is_live { Include::Live } else { Include::Allocated },
        stacks: stacks::of(&[&base.metadata, &current.metadata]),
        same_session: is_same_session(base, current),
        process: Process::over(&usages, span_ms(base, current)),
        span_ms: span_ms(base, current),
        growth: all.growth(is_sampled),
        own_growth: own.growth(is_sampled),
        sites: described.collect(),
        omitted,
    }
}

/// What each place of each site held before and holds now; nothing where no line is known.
struct Changed(HashMap<u32, Vec<Part>>);

/// A place, and what it held before and holds now.
type Part = (u32, (f64, f64));

impl Changed {
    fn of(by_line: &[ByLine<'_>; 2], placed: &[Placed; 2], total: bool) -> Changed {
        if !by_line.iter().any(ByLine::knows_lines) {
            return Changed(HashMap::default());
        }
        let mut places = SitePlaces::default();
        let numbers = placed.each_ref().map(|placed| places.of_nodes(placed));
        let [base, current] = [0, 1].map(|at| {
            let profile = by_line[at].profile();
            live_bytes(profile, Tally::new(profile, &numbers[at], places.len(), total))
        });
        let both: Vec<(f64, f64)> = base.into_iter().zip(current).collect();
        Changed(places.by_site(&both))
    }

    /// Those that changed as the site did; of one that did not, those that hold something.
    fn lines(&self, sites: &Sites, site: u32, growth: f64) -> Vec<Line> {
        let parts = self.0.get(&site).map_or(&[][..], Vec::as_slice);
        let direction = if growth < 0.0 { -1.0 } else { 1.0 };
        let change =
            |&(place, (base, current)): &Part| (place, (direction * (current - base)).max(0.0));
        let lines = lines_of(sites, parts.iter().map(change));
        if !lines.is_empty() {
            return lines;
        }
        lines_of(sites, parts.iter().map(|&(place, (base, current))| (place, base + current)))
    }
}

/// How each site changed from the first to the second profile, and how all did.
pub fn compare(
    (base, current): (&Profile, &Profile),
    (base_tally, current_tally): (Tally<'_, Change>, Tally<'_, Change>),
) -> (Vec<Change>, Change) {
    let same_session = is_same_session(base, current);
    let ordinals = |profile: &Profile| -> HashSet<u64> {
        let live = profile.samples.iter().filter(|sample| sample.is_live);
        if same_session { live.map(|sample| sample.ordinal).collect() } else { HashSet::default() }
    };
    let (mut changes, mut all) =
        add(base, base_tally, &ordinals(current), |change, bytes, stated, sample| {
            change.base += bytes;
            change.stated -= stated;
            if let Some((size, interval)) = sample {
                change.went.add(size, interval, 1);
            }
        });
    let (came, all_came) =
        add(current, current_tally, &ordinals(base), |change, bytes, stated, sample| {
            change.current += bytes;
            change.stated += stated;
            if let Some((size, interval)) = sample {
                change.came.add(size, interval, 1);
            }
        });
    changes.iter_mut().zip(came).for_each(|(change, came)| *change += came);
    all += all_came;
    (changes, all)
}

fn is_same_session(base: &Profile, current: &Profile) -> bool {
    let (base, current) = (&base.metadata, &current.metadata);
    base.session_id.is_some() && base.session_id == current.session_id
}

fn span_ms(base: &Profile, current: &Profile) -> Option<f64> {
    let span = current.metadata.taken_at? - base.metadata.taken_at?;
    Some(span.num_milliseconds() as f64)
}

/// Tells `note` of all live bytes: how many, how many of them are stated, and if they are a sample
/// that the other profile lacks, of which size and at which interval. What it notes of each site, and of
/// all.
fn add(
    profile: &Profile,
    mut tally: Tally<'_, Change>,
    others: &HashSet<u64>,
    note: impl Fn(&mut Change, f64, f64, Option<(u64, u32)>),
) -> (Vec<Change>, Change) {
    let mut all = Change::default();
    let mut each = |node: u32, bytes: f64, stated: f64, sample: Option<(u64, u32)>| {
        note(tally.at(node), bytes, stated, sample);
        note(&mut all, bytes, stated, sample);
    };
    if let Some(interval) = profile.interval() {
        for (sample, node) in profile.samples.iter().zip(&profile.totals().sample_nodes) {
            let Some(node) = node.filter(|_| sample.is_live) else { continue };
            let is_new = !others.contains(&sample.ordinal);
            let unshared = is_new.then_some((sample.size, interval));
            each(node, profile.bytes_of(sample), 0.0, unshared);
        }
    }
    for stated in profile.stated.iter() {
        each(stated.node, stated.bytes, stated.bytes, None);
    }
    (tally.by_site(), all)
}

/// Leaves the sites that changed most; returns how many went.
fn keep_largest(sites: &mut Vec<(u32, Interval)>, limit: usize) -> usize {
    let omitted = sites.len().saturating_sub(limit);
    sites.sort_by(|(_, one), (_, other)| other.estimate.abs().total_cmp(&one.estimate.abs()));
    sites.truncate(limit);
    omitted
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Call, profile};
    use super::*;

    const fn call(name: &'static str, samples: &'static [(u64, u64)]) -> Call {
        Call { caller: 0, name, url: "/app/a.js", samples }
    }

    const BASE: [Call; 3] = [
        call("stays", &[(64, 1), (64, 2), (64, 3)]),
        call("shrinks", &[(64, 4), (64, 5), (64, 6), (64, 10), (64, 11), (64, 12)]),
        call("turns over", &[(64, 7), (64, 8), (64, 9)]),
    ];
    const CURRENT: [Call; 4] = [
        call("grows", &[(64, 20), (64, 21), (64, 22), (64, 26), (64, 27), (64, 28)]),
        call("stays", &[(64, 1), (64, 2), (64, 3)]),
        call("shrinks", &[(64, 4)]),
        call("turns over", &[(64, 23), (64, 24), (64, 25)]),
    ];

    fn site<'a>(diff: &'a Diff, name: &str) -> &'a DiffSite {
        diff.sites.iter().find(|site| site.frame.function_name == name).unwrap()
    }

    #[test]
    fn samples_of_one_session_are_compared_one_by_one() {
        let diff = diff(&profile(&BASE), &profile(&CURRENT), &Question::default());
        assert!(diff.same_session);
        assert_eq!(diff.sites[0].frame.function_name, "grows");
        assert_eq!(diff.sites.last().unwrap().frame.function_name, "shrinks");
        let zero = Interval { estimate: 0.0, low: Some(0.0), high: Some(0.0) };
        assert_eq!(site(&diff, "stays").growth, zero);
        assert!(site(&diff, "turns over").is_noise);
        assert!(!site(&diff, "grows").is_noise && !site(&diff, "shrinks").is_noise);
        let sum: f64 = diff.sites.iter().map(|site| site.growth.estimate).sum();
        assert!((sum - diff.growth.estimate).abs() < 1e-6);
    }

    #[test]
    fn of_two_sessions_nothing_is_shared() {
        let mut current = profile(&CURRENT);
        current.parts_mut().metadata.session_id = Some("another".into());
        let diff = diff(&profile(&BASE), &current, &Question::default());
        assert!(!diff.same_session);
        let stays = site(&diff, "stays");
        assert_eq!(stays.growth.estimate, 0.0);
        assert!(stays.growth.low.unwrap() < -1000.0 && stays.is_noise);
    }

    #[test]
    fn a_limit_leaves_what_changed_most() {
        let question = Question { limit: Some(2), ..Question::default() };
        let diff = diff(&profile(&BASE), &profile(&CURRENT), &question);
        let names: Vec<_> =
            diff.sites.iter().map(|site| site.frame.function_name.as_str()).collect();
        assert_eq!((names, diff.omitted), (vec!["grows", "shrinks"], 2));
    }

    #[test]
    fn growth_of_heap_profile_itself_is_no_site_but_part_of_the_whole() {
        const LIB: &str = "/app/node_modules/heap-profile/lib/snapshot.js";
        let base = profile(&[call("grows", &[])]);
        let current = profile(&[
            call("grows", &[(64, 1)]),
            Call { url: LIB, ..call("takeSnapshot", &[(64, 2), (64, 3)]) },
        ]);
        let diff = diff(&base, &current, &Question::default());
        assert_eq!(diff.sites.len(), 1);
        let sum = diff.sites[0].growth.estimate + diff.own_growth.estimate;
        assert!((sum - diff.growth.estimate).abs() < 1e-6 && diff.own_growth.estimate > 0.0);
    }

    #[test]
    fn numbers_of_other_tools_have_no_interval() {
        let [mut base, mut current] = [profile(&BASE), profile(&CURRENT)];
        for profile in [&mut base, &mut current] {
            profile.parts_mut().metadata.sample_interval_bytes = None;
            profile.parts_mut().stated = Arc::new(vec![crate::profile::Stated {
                node: 1,
                line: 0,
                bytes: 512.0,
                objects: None,
            }]);
        }
        let diff = diff(&base, &current, &Question::default());
        assert_eq!(site(&diff, "grows").growth, Interval::unknown(512.0));
        assert_eq!(site(&diff, "stays").growth, Interval::unknown(-512.0));
    }
}
