// What we depend on: licences and sources (deny.toml), and known vulnerabilities as far as somebody
// here knows any. A part of `npm run check`; what cannot be looked at is said, and fails in continuous
// integration where installing it is our own task.
import { spawnSync } from 'node:child_process';
import { root, run } from './run.mjs';

const CARGO_DENY = ['deny', '--locked', '--workspace'];

const checks = [crates, crateAdvisories, packageAdvisories];
if (!checks.map((check) => check()).every(Boolean)) process.exitCode = 1;

function crates() {
  if (hasCargoDeny()) return run('cargo', [...CARGO_DENY, 'check', 'bans', 'licenses', 'sources']);
  console.error('warning: licences of crates are not checked: cargo install --locked cargo-deny');
  return process.env.CI === undefined;
}

function crateAdvisories() {
  if (!hasCargoDeny()) return true;
  const fetched = capture('cargo', ['deny', 'fetch', 'db']);
  if (fetched.status === 0) return run('cargo', [...CARGO_DENY, 'check', 'advisories']);
  console.error(`warning: vulnerabilities of crates are not checked: ${lastLine(fetched.stderr)}`);
  return true;
}

/** Of the packages that users get. */
function packageAdvisories() {
  const { stdout } = capture('npm', ['audit', '--omit=dev', '--json', '--fetch-retries=0']);
  const { message, metadata } = JSON.parse(stdout);
  if (metadata === undefined) {
    console.error(`warning: vulnerabilities of packages are not checked: ${message}`);
    return true;
  }
  return metadata.vulnerabilities.total === 0 || run('npm', ['audit', '--omit=dev']);
}

function hasCargoDeny() {
  return capture('cargo', ['deny', '--version']).status === 0;
}

function capture(command, args) {
  return spawnSync(command, args, { cwd: root, encoding: 'utf8' });
}

function lastLine(text) {
  return text.trim().split('\n').pop();
}
