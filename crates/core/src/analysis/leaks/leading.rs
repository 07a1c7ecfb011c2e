//! Which finding leads the answer, once all are judged: what cannot matter leads none, and what no
//! function of the program is known to have brought about comes after what one did.

use super::answer::{Reason, Verdict};
use super::headroom::Headroom;
use super::judge::Judgement;
use crate::analysis::sites::Sites;

/// Where no function of the program is known to allocate it (see [`Sites::is_program`]), it is mostly
/// what Node.js keeps for a while: that it leaks takes so many full collections.
const COLLECTIONS_OUTSIDE: u64 = 10;

/// Reviews the judgements on the sites of a session.
pub struct Leading<'a> {
    /// The sites.
    pub sites: &'a Sites,
    /// What the heap may still grow by.
    pub headroom: Headroom,
    /// Full collections that the session saw, if captures tell.
    pub full_collections: Option<u64>,
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
        if verdict <= Verdict::Growing && !self.headroom.may_run_out(&judgement.growth) {
            return Reason::TooSlow;
        }
        let is_watched = self.full_collections.is_some_and(|count| count >= COLLECTIONS_OUTSIDE);
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
