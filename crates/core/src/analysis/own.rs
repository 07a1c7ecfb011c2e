//! Which functions are heap-profile's own: what they allocate is no site of the program.

/// Its code, within the directory that it lies in. A checkout has programs there, too: its examples.
const FILES: [&str; 2] = ["index.js", "register.js"];
const DIRECTORIES: [&str; 3] = ["lib/", "bin/", "sample-heap-allocations/"];

/// Where npm and its kin put it.
const INSTALLED: &str = "/node_modules/heap-profile/";

/// Whether a script is. `directory` is where the profile says that heap-profile lies, which older
/// files and those of other tools do not.
pub fn is_own(url: &str, directory: Option<&str>) -> bool {
    let path = url.strip_prefix("file://").unwrap_or(url);
    let within = |directory: &str| path.strip_prefix(directory)?.strip_prefix('/');
    let told = directory.and_then(within);
    let installed = path.rsplit_once(INSTALLED).map(|(_, rest)| rest);
    told.is_some_and(is_code) || installed.is_some_and(is_code)
}

fn is_code(path: &str) -> bool {
    FILES.contains(&path) || DIRECTORIES.iter().any(|directory| path.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_this_package_is_own_and_programs_beside_it_are_not() {
        let own = |url| is_own(url, Some("/home/me/heap-profile"));
        assert!(own("/home/me/heap-profile/lib/snapshot.js"));
        assert!(own("file:///home/me/heap-profile/index.js"));
        assert!(own("/app/node_modules/heap-profile/register.js"));
        assert!(!own("/home/me/heap-profile/examples/demo/server.js"));
        assert!(!own("/home/me/heap-profile/node_modules/express/lib/express.js"));
        assert!(!own("/home/me/heap-profile-tools/lib/main.js"));
        assert!(!own("node:fs") && !own(""));
    }

    #[test]
    fn where_the_file_does_not_tell_only_the_installed_package_is_own() {
        let own = |url| is_own(url, None);
        assert!(own(
            "/app/node_modules/.pnpm/heap-profile@1.0.0/node_modules/heap-profile/lib/a.js"
        ));
        assert!(!own("/app/node_modules/heap-profile/node_modules/ws/lib/websocket.js"));
        assert!(!own("/home/me/heap-profile/lib/main.js"));
        assert!(!own("/app/node_modules/@me/heap-profile/lib/main.js"));
    }
}
