//! fuzz/ builds this crate's sources once more, so it has to have the same dependencies.

/// The lines of `[dependencies]` that say what is depended on.
fn dependencies(manifest: &str) -> Vec<&str> {
    let section = manifest.split("[dependencies]\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter(|line| line.contains(" = ")).collect()
}

#[test]
fn the_fuzz_targets_have_the_dependencies_of_the_crate() {
    let fuzz = dependencies(include_str!("../fuzz/Cargo.toml"));
    let ours = dependencies(include_str!("../Cargo.toml"));
    assert!(ours.len() > 10);
    for dependency in ours {
        let is_of_the_addon = dependency.contains("optional = true");
        assert!(
            is_of_the_addon || fuzz.contains(&dependency),
            "fuzz/Cargo.toml lacks {dependency}"
        );
    }
}
