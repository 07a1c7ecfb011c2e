//! Which finding leads the answer, once all are judged: what cannot matter leads none, and what no
//! function of the program is known to have brought about comes after what one did.

use super::answer::{Reason, Verdict};
use super::headroom::Headroom;
use super::judge::Judgement;
use crate::analysis::sites::Sites;

/// Where no function of the program is known to allocate it (see [`Sites::is_program`]), it is mostly
/// what Node.js and V8 keep for a while: that it leaks takes what stayed of so many times between two full
/// collections.
const COHORTS_OUTSIDE: usize = 10;

/// Reviews the judgements on the sites of a session.
pub struct Leading<'a> {
    /// The sites.
    pub sites: &'a Sites,
    /// What the heap may still grow by.
    pub headroom: Headroom,
    /// Whether captures tell of full collections.
    pub are_collections_told: bool,
}

impl Leading<'_> {
    /// The judgements with the reasons that speak against them, those that lead first.
    pub fn review(&self, mut judged: Vec<Judgement>) -> Vec<Judgement> {
        for judgement in &mut judged {
            judgement.reason = self.reason(judgement);
        }
        judged.sort_by(|one, other| {
            let (one_rank, other_rank) = (self.rank(one), self.rank(other));
            one_rank.cmp(&other_rank).then_with(|| Judgement::worst_first(one, other))
        });
        judged
    }

    fn reason(&self, judgement: &Judgement) -> Reason {
        let verdict = judgement.verdict();
        // Buffers have all of the machine's memory.
        let has_room = judgement.is_on_heap && !self.headroom.may_run_out(&judgement.growth);
        if verdict <= Verdict::Growing && has_room {
            return Reason::TooSlow;
        }
        let is_watched = self.are_collections_told && judgement.lasting_cohorts >= COHORTS_OUTSIDE;
        if verdict == Verdict::Leaking && !is_watched && !self.sites.is_program(judgement.site) {
            return Reason::TooFewCollections;
        }
        judgement.reason
    }

    /// What comes first has the lower one.
    fn rank(&self, judgement: &Judgement) -> impl Ord + use<> {
        let verdict = judgement.verdict();
        let is_outside = verdict <= Verdict::Growing && !self.sites.is_program(judgement.site);
        (verdict, is_outside, judgement.reason != Reason::TooSlow)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::answer::Leaks;
    use super::super::testing::{LEAKING, Program, Random, capture, judge, live_for, run};
    use super::*;
    use crate::profile::Profile;
    use crate::profile::metadata::MemoryUsage;

    /// Without bound, and five times as fast.
    const SLOW: Program = LEAKING[0].1;
    const FAST: Program = |random| live_for(random.births(15_000, -1.0, 6.0), 1e9);

    /// The first site is Node.js's own; `change` is what captures say besides.
    fn by_node(mut profiles: Vec<Profile>, change: impl Fn(u64, &mut Profile)) -> Vec<Profile> {
        for (profile, at) in profiles.iter_mut().zip(0..) {
            let parts = profile.parts_mut();
            let strings = Arc::make_mut(&mut parts.strings);
            strings.push("node:_http_common".into());
            Arc::make_mut(&mut parts.nodes)[1].script_name = strings.len() as u32 - 1;
            change(at, profile);
        }
        profiles
    }

    /// So many full collections between two captures.
    fn collected(each: u64) -> impl Fn(u64, &mut Profile) {
        move |at, profile| profile.parts_mut().metadata.full_collections = Some(each * at)
    }

    /// So many captures of a leak of Node.js's own.
    fn of_node(count: usize, change: impl Fn(u64, &mut Profile)) -> Leaks {
        let mut random = Random(7);
        let births = random.births(600, -1.0, 16.0).into_iter();
        let sampled: Vec<_> = births.map(|birth| (birth, 1e9, 2)).collect();
        let profiles = (0..count).map(|at| capture(&sampled, at, 1, 256)).collect();
        judge(&by_node(profiles, change))
    }

    #[test]
    fn what_no_function_of_the_program_allocates_leads_if_it_stayed_of_ten_cohorts_only() {
        // Of the first there is no cohort, and that of the last has not grown old.
        for (count, expected) in [
            (11, (Verdict::Growing, Reason::TooFewCollections)),
            (12, (Verdict::Leaking, Reason::OldObjectsStay)),
        ] {
            let found = of_node(count, collected(1));
            assert_eq!((found.verdict, found.sites[0].reason), expected);
            assert!(!found.sites[0].is_program);
        }
        assert_eq!(of_node(16, |_, _| ()).sites[0].reason, Reason::TooFewCollections);
    }

    #[test]
    fn a_site_of_the_program_leads_before_one_of_node_that_grows_faster() {
        let found = judge(&by_node(run(&[FAST, SLOW], 7, 256), collected(2)));
        let told: Vec<_> = found.sites.iter().map(|site| (site.is_program, site.verdict)).collect();
        assert_eq!(told, [(true, Verdict::Leaking), (false, Verdict::Growing)]);
        assert!(
            found.sites[0].growth_bytes_per_hour.estimate
                < found.sites[1].growth_bytes_per_hour.estimate
        );
    }

    /// At a heap limit of so many MiB.
    fn limited(mebibytes: f64) -> Leaks {
        let mut profiles = run(&[SLOW], 7, 256);
        for profile in &mut profiles {
            let metadata = &mut profile.parts_mut().metadata;
            metadata.memory_usage = Some(MemoryUsage::default());
            metadata.heap_size_limit = Some(mebibytes * f64::from(1 << 20));
        }
        judge(&profiles)
    }

    #[test]
    fn a_leak_that_cannot_fill_the_heap_within_a_month_is_none_to_speak_of() {
        // It is one of some 110 KB an hour, 75 MiB a month.
        let matters = limited(70.0);
        assert_eq!(matters.verdict, Verdict::Leaking);
        let days = matters.sites[0].heap_limit_ms.unwrap() / 86_400_000.0;
        assert!((20.0..35.0).contains(&days), "{days}");
        assert_eq!(matters.leaks[0].heap_limit_ms, matters.sites[0].heap_limit_ms);
        let slow = limited(200.0);
        let site = &slow.sites[0];
        assert_eq!(
            (slow.verdict, site.verdict, site.reason),
            (Verdict::Steady, Verdict::Steady, Reason::TooSlow)
        );
        assert!(slow.leaks.is_empty() && site.retention.unwrap().estimate > 0.9);
        // A file that says 0 does not know.
        assert_eq!(
            (limited(0.0).verdict, limited(0.0).sites[0].heap_limit_ms),
            (Verdict::Leaking, None)
        );
    }
}
