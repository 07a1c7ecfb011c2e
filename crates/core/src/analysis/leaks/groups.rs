//! Which sites are one leak: those that one function of the program leads to.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::answer::{Leak, Verdict};
use super::headroom::Headroom;
use super::history::Life;
use super::judge::{Judge, Judgement};
use crate::analysis::frames::{Frame, Owner, package_of};
use crate::analysis::interval::Interval;
use crate::analysis::sites::Sites;
use crate::analysis::statistics::Share;
use crate::analysis::ways::NO_WAY;

/// Sites that are grouped: those that come first. The others are a leak each.
const MAX_GROUPED: usize = 64;

/// So much of what stays must be reached through a function, so that it leads to it.
const LEADS: f64 = 0.9;

/// How what stays of a site was reached.
struct Reached {
    /// Where the judgement is in the answer.
    at: usize,
    /// The functions on the way where most of it is, the nearest first, itself included.
    way: Vec<u32>,
    /// By function, the part of it that is reached through it.
    through: FxHashMap<u32, f64>,
    /// The same of the outermost function of the application.
    from: FxHashMap<u32, f64>,
}

/// Groups what leaks or grows.
pub struct Groups<'a> {
    /// The judgements, those that lead first.
    pub judged: &'a [Judgement],
    /// What they are from.
    pub judge: &'a Judge<'a>,
    /// The sites.
    pub sites: &'a Sites,
    /// What the heap may still grow by.
    pub headroom: Headroom,
}

impl Groups<'_> {
    /// The leaks, those that lead first.
    pub fn leaks(&self) -> Vec<Leak> {
        let is_grown = |found: &&Judgement| found.verdict() <= Verdict::Growing;
        let grown = self.judged.iter().take_while(is_grown).count();
        let of_functions = if self.sites.are_functions() { grown.min(MAX_GROUPED) } else { 0 };
        let mut left: Vec<Reached> = (0..of_functions).map(|at| self.reached(at)).collect();
        let mut leaks = Vec::new();
        while !left.is_empty() {
            let first = left.remove(0);
            leaks.push(self.collect(first, &mut left));
        }
        leaks.extend((of_functions..grown).map(|at| self.leak(None, vec![at])));
        let rank = |leak: &Leak| {
            let first = &self.judged[leak.sites[0]];
            (first.verdict(), !self.sites.is_program(first.site))
        };
        leaks.sort_by(|one, other| {
            let growth = |leak: &Leak| leak.growth_bytes_per_hour.estimate;
            rank(one).cmp(&rank(other)).then(growth(other).total_cmp(&growth(one)))
        });
        leaks
    }

    /// The leak of that site and of those left that belong to it, which are taken out.
    fn collect(&self, first: Reached, left: &mut Vec<Reached>) -> Leak {
        let mut members = vec![first];
        let mut through = None;
        // With each that comes in the function that leads to all is further out, and leads to more.
        while let Some((at, function)) = left
            .iter()
            .enumerate()
            .find_map(|(at, other)| Some((at, self.common(&members, other)?)))
        {
            through = Some(function);
            members.push(left.remove(at));
        }
        let mut numbers: Vec<usize> = members.iter().map(|member| member.at).collect();
        numbers.sort_unstable();
        self.leak(through, numbers)
    }

    /// The nearest function that leads to all of these, if it says that they are one leak: it leaks itself,
    /// or it is of the application (or of the package that all are in) and is called by more of it.
    /// What all requests come through leads to every leak.
    fn common(&self, members: &[Reached], other: &Reached) -> Option<u32> {
        let verdict = |reached: &Reached| self.judged[reached.at].verdict();
        if verdict(&members[0]) != verdict(other) {
            return None;
        }
        let all = || members.iter().chain([other]);
        let leads = |function: &u32| all().all(|reached| reached.leads(*function));
        let function = *members[0].way.iter().find(|function| leads(function))?;
        let frame = self.sites.function(function);
        let site = |reached: &Reached| self.judged[reached.at].site;
        // What Node.js calls the program from leads to all that it does, and leaks with the requests it makes.
        let may_lead =
            frame.is_program() || all().all(|reached| !self.sites.is_program(site(reached)));
        let is_itself = may_lead && all().any(|reached| self.sites.frame(site(reached)) == frame);
        let is_outermost = all().all(|reached| reached.starts(function));
        let package = package_of(&frame.url);
        let is_inside =
            || all().all(|reached| package_of(&self.sites.frame(site(reached)).url) == package);
        let is_code = frame.owner() == Owner::App || frame.is_program() && is_inside();
        (is_itself || is_code && !is_outermost).then_some(function)
    }

    fn reached(&self, at: usize) -> Reached {
        let site = self.judged[at].site;
        let last = self.judge.last();
        let lives = &self.judge.history.tracks[&site].lives;
        let stays = |life: &&Life| life.last == last && life.first > 0 && life.way != NO_WAY;
        let ways = parts_by_way(lives.iter().filter(stays));
        let way = ways.first().map_or_else(Vec::new, |&(way, _)| self.sites.on_way(way).collect());
        let mut reached =
            Reached { at, way, through: FxHashMap::default(), from: FxHashMap::default() };
        for (way, part) in ways {
            let mut functions: Vec<u32> = self.sites.on_way(way).collect();
            let is_app = |&&function: &&u32| self.sites.function(function).owner() == Owner::App;
            if let Some(&outermost) = functions.iter().rev().find(is_app) {
                *reached.from.entry(outermost).or_default() += part;
            }
            functions.sort_unstable();
            functions.dedup();
            for function in functions {
                *reached.through.entry(function).or_default() += part;
            }
        }
        reached
    }

    fn leak(&self, through: Option<u32>, sites: Vec<usize>) -> Leak {
        let members: Vec<&Judgement> = sites.iter().map(|&at| &self.judged[at]).collect();
        let growth = sum(members.iter().map(|found| &found.growth));
        let whole = self.judge.whole.estimate;
        let mut retention = Share::default();
        for found in &members {
            retention.merge(&found.retention);
        }
        let own = || self.sites.frame(members[0].site);
        let through: &Arc<Frame> = through.map_or_else(own, |number| self.sites.function(number));
        Leak {
            verdict: members[0].verdict(),
            through: through.clone(),
            sites,
            growth_bytes_per_hour: growth,
            share: (whole > 0.0).then(|| growth.estimate / whole),
            retention: retention.interval95(),
            heap_limit_ms: self.headroom.lasts_ms(&growth).filter(|_| members[0].is_on_heap),
        }
    }
}

impl Reached {
    /// Whether the function leads to it.
    fn leads(&self, function: u32) -> bool {
        self.through.get(&function).is_some_and(|&part| part >= LEADS)
    }

    /// Whether nothing of the application calls the function on the way to it.
    fn starts(&self, function: u32) -> bool {
        self.from.get(&function).is_some_and(|&part| part >= LEADS)
    }
}

/// The part of the bytes that each way leads to, the largest first.
fn parts_by_way<'a>(lives: impl Iterator<Item = &'a Life>) -> Vec<(u32, f64)> {
    let mut bytes: FxHashMap<u32, f64> = FxHashMap::default();
    for life in lives {
        *bytes.entry(life.way).or_default() += life.bytes;
    }
    let whole: f64 = bytes.values().sum();
    let mut parts: Vec<_> = bytes.into_iter().map(|(way, bytes)| (way, bytes / whole)).collect();
    parts.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    parts
}

/// The sum of independent growths: the distances from the bounds add up as squares.
fn sum<'a>(growths: impl Iterator<Item = &'a Interval> + Clone) -> Interval {
    let estimate = growths.clone().map(|growth| growth.estimate).sum();
    let distance = |bound: fn(&Interval) -> Option<f64>| {
        growths.clone().try_fold(0.0_f64, |distance, growth| {
            Some(distance.hypot(bound(growth)? - growth.estimate))
        })
    };
    let low = distance(|growth| growth.low).map(|distance| estimate - distance);
    let high = distance(|growth| growth.high).map(|distance| estimate + distance);
    Interval { estimate, low, high }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Leaks;
    use super::super::testing::{LEAKING, SOUND, judge, run_in};
    use super::*;
    use crate::analysis::testing::Call;

    fn call(caller: u32, name: &'static str, url: &'static str) -> Call {
        Call { caller, name, url, samples: &[] }
    }

    /// What leaks, as `through: sites`, where these nodes of the call tree (2 is the first) leak.
    fn told(calls: &[Call], leaking: &[u32]) -> Vec<String> {
        told_by(usize::MAX, calls, leaking)
    }

    /// The same of so many captures at most.
    fn told_by(captures: usize, calls: &[Call], leaking: &[u32]) -> Vec<String> {
        let allocations: Vec<_> = leaking.iter().map(|&node| (node, LEAKING[0].1)).collect();
        let mut profiles = run_in(calls, &allocations, 3, 256);
        profiles.truncate(captures);
        let Leaks { leaks, sites, .. } = judge(&profiles);
        let text = |leak: &Leak| {
            let mut names: Vec<_> =
                leak.sites.iter().map(|&at| sites[at].frame.function_name.clone()).collect();
            names.sort();
            format!("{}: {}", leak.through.function_name, names.join(" "))
        };
        let mut told: Vec<String> = leaks.iter().map(text).collect();
        told.sort();
        told
    }

    const APP: &str = "/app/a.js";
    const EXPRESS: &str = "/app/node_modules/express/index.js";

    #[test]
    fn sites_that_one_function_leads_to_are_one_leak() {
        let calls = [
            call(0, "handle", EXPRESS),
            call(1, "onRequest", APP),
            call(2, "lookup", APP),
            call(3, "render", APP),
            call(3, "load", APP),
            call(2, "log", APP),
        ];
        assert_eq!(told(&calls, &[5, 6]), ["lookup: load render"]);
        assert_eq!(told(&calls, &[4, 5, 6]), ["lookup: load lookup render"]);
    }

    #[test]
    fn what_only_the_request_has_in_common_is_several_leaks() {
        let calls = [
            call(0, "handle", EXPRESS),
            call(1, "onRequest", APP),
            call(2, "lookup", APP),
            call(3, "render", APP),
            call(2, "log", APP),
        ];
        assert_eq!(told(&calls, &[5, 6]), ["log: log", "render: render"]);
        // Unless it leaks itself.
        assert_eq!(told(&calls, &[3, 5, 6]), ["onRequest: log onRequest render"]);
    }

    #[test]
    fn a_package_leads_to_what_is_its_own_alone() {
        let calls = [
            call(0, "handle", EXPRESS),
            call(1, "next", EXPRESS),
            call(2, "layer", EXPRESS),
            call(2, "one", APP),
            call(2, "other", APP),
        ];
        assert_eq!(told(&calls, &[5, 6]), ["one: one", "other: other"]);
        assert_eq!(told(&calls[..3], &[3, 4]), ["next: layer next"]);
    }

    #[test]
    fn node_leads_to_nothing_that_a_function_of_the_program_allocates() {
        let calls = [
            call(0, "parserOnHeadersComplete", "node:_http_common"),
            call(1, "onRequest", APP),
            call(2, "render", APP),
            call(1, "parserOnIncoming", "node:_http_server"),
        ];
        // Of so few all grow, and none is sure to leak.
        let grow = |growing: &[u32]| told_by(4, &calls, growing);
        assert_eq!(
            grow(&[2, 4]),
            ["parserOnHeadersComplete: parserOnHeadersComplete", "render: render"]
        );
        assert_eq!(
            grow(&[2, 5]),
            ["parserOnHeadersComplete: parserOnHeadersComplete parserOnIncoming"]
        );
    }

    #[test]
    fn a_leak_is_the_sum_of_its_sites() {
        let calls = [
            call(0, "main", APP),
            call(1, "lookup", APP),
            call(2, "render", APP),
            call(2, "load", APP),
            call(1, "cache", APP),
        ];
        let allocations = [(4, LEAKING[0].1), (5, LEAKING[0].1), (6, SOUND[1].1)];
        let found = judge(&run_in(&calls, &allocations, 3, 256));
        let [leak] = &found.leaks[..] else { panic!("{:?}", found.leaks) };
        let sites: Vec<_> = leak.sites.iter().map(|&at| &found.sites[at]).collect();
        let growth = |site: &&super::super::answer::LeakSite| site.growth_bytes_per_hour.estimate;
        let whole: f64 = sites.iter().map(growth).sum();
        assert!((leak.growth_bytes_per_hour.estimate - whole).abs() < 1e-6);
        let low = leak.growth_bytes_per_hour.low.unwrap();
        let lows: f64 = sites.iter().map(|site| site.growth_bytes_per_hour.low.unwrap()).sum();
        assert!(lows < low && low < whole, "{lows} {low} {whole}");
        assert!(leak.retention.unwrap().low > sites[0].retention.unwrap().low);
    }
}
