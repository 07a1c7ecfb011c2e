//! Which sites are one leak.

use super::answer::{Leak, LeakSite, Verdict};

/// The leaks that those sites are, those of the worst verdict first.
pub fn group(sites: &[LeakSite]) -> Vec<Leak> {
    let grown = sites.iter().enumerate().filter(|(_, site)| site.verdict <= Verdict::Growing);
    let alone = |(at, site): (usize, &LeakSite)| Leak {
        verdict: site.verdict,
        through: site.frame.clone(),
        sites: vec![at],
        growth_bytes_per_hour: site.growth_bytes_per_hour,
        share: site.share,
        retention: site.retention,
        heap_limit_ms: site.heap_limit_ms,
    };
    grown.map(alone).collect()
}
