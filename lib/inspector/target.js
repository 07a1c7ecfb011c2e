// Finds the inspector of another process, or has it opened. Linux tells which sockets belong to a
// process, so what answers is that process and no other.
'use strict';

const { readdirSync, readFileSync, readlinkSync } = require('node:fs');
const http = require('node:http');
const { constants } = require('node:os');
const { basename, join } = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { CommandError } = require('../errors.js');
const { DEADLINES, Interruption, Overdue, within } = require('./deadlines.js');

/** `node`, `nodejs`, `node-22`; not `node_exporter`. */
const NODE_NAME = /^node(js)?[\d.-]*$/;
const DEFAULT_PORT = 9229;
const LISTENING = '0A'; // TCP_LISTEN of the kernel's include/net/tcp_states.h
const POLL_MS = 50;
/** An inspector's answer is one entry, with the program's path. */
const LONGEST_ANSWER = 64 * 1024;

/** { url, wasOpen } of the main thread of a process that was checked. `interruption` is the AbortSignal of Ctrl-C. */
async function openInspector(pid, interruption) {
  const before = listeningAddresses(pid);
  // Others are not asked yet: the application itself may listen there. Port 0 is any.
  const port = expectedPort(pid);
  const likely = before.filter((address) => port === 0 || address.port === port);
  const open = await findInspector(likely, interruption);
  if (open !== undefined) return { url: open, wasOpen: true };
  if (interruption.aborted) throw new Interruption('interrupted');

  const isSignalled = opensOnSignal(pid);
  const opened = isSignalled ? await signal(pid, before, interruption) : undefined;
  if (opened !== undefined) return { url: opened, wasOpen: false };

  const elsewhere = await findInspector(before, interruption);
  if (elsewhere !== undefined) return { url: elsewhere, wasOpen: true };
  throw new CommandError(whyClosed(pid, port, isSignalled));
}

/** Throws if there is no such process that can be attached to. */
function checkTarget(pid) {
  if (process.platform !== 'linux') throw new CommandError('attach works on Linux only');
  try {
    process.kill(pid, 0);
  } catch (error) {
    throw error.code === 'ESRCH' ? new CommandError(`there is no process ${pid}`) : refusal(pid);
  }
  // What is no Node.js might die of the signal that opens the inspector.
  const program = programOf(pid);
  const isNode = NODE_NAME.test(basename(program)) || program === programOf('self');
  if (!isNode) throw new CommandError(`process ${pid} is not Node.js: it runs ${program}`);
  // There the same address is another process.
  if (networkOf(pid) !== networkOf('self')) {
    throw new CommandError(`process ${pid} has a network of its own: attach inside its container`);
  }
}

function networkOf(pid) {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

function programOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch (error) {
    if (error.code === 'EACCES') throw refusal(pid);
    return 'nothing any more';
  }
}

function refusal(pid) {
  return new CommandError(
    `attaching to process ${pid} is not permitted: it belongs to another user or is protected`,
  );
}

/** Whether SIGUSR1 opens the inspector, as far as can be told from outside. */
function opensOnSignal(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  const bit = 1n << BigInt(constants.signals.SIGUSR1 - 1);
  return (BigInt(`0x${caught}`) & bit) !== 0n;
}

/** Has the inspector opened; its URL, or undefined if it does not open. */
async function signal(pid, before, interruption) {
  const known = new Set(before.map((address) => address.inode));
  process.kill(pid, 'SIGUSR1');
  try {
    return await within(DEADLINES.open, 'opening', interruption, async (waiting) => {
      let url;
      while (url === undefined && !waiting.aborted) {
        await sleep(POLL_MS);
        const added = listeningAddresses(pid).filter((address) => !known.has(address.inode));
        url = await findInspector(added, waiting);
      }
      return url;
    });
  } catch (error) {
    // Why it did not open in time is told later.
    if (!(error instanceof Overdue)) throw error;
  }
}

function whyClosed(pid, port, isSignalled) {
  const closed = `the inspector of process ${pid} cannot be opened`;
  if (!isSignalled) return `${closed}: it was disabled (--disable-sigusr1, or built without it)`;
  if (socketsOf(pid).some((socket) => socket.port === port)) {
    return `${closed}: another process uses its port ${port}`;
  }
  return `${closed}: the program handles SIGUSR1 itself, or its thread does not respond yet; once it does the inspector opens, and stays open`;
}

/** The port that the inspector takes unless it is told otherwise later. */
function expectedPort(pid) {
  const flags = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const ports = flags.map((flag) => /^--(?:inspect|debug)[a-z-]*=(?:.*:)?(\d+)$/.exec(flag)?.[1]);
  return Number(ports.findLast((port) => port !== undefined) ?? DEFAULT_PORT);
}

/** Where the process itself listens. */
function listeningAddresses(pid) {
  const directory = `/proc/${pid}/fd`;
  const open = new Set();
  for (const name of readDescriptors(pid, directory)) {
    try {
      open.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(join(directory, name)))?.[1]);
    } catch {
      // Closed in the meantime.
    }
  }
  return socketsOf(pid).filter(({ inode }) => open.has(inode));
}

function readDescriptors(pid, directory) {
  try {
    return readdirSync(directory);
  } catch (error) {
    throw error.code === 'EACCES' ? refusal(pid) : new CommandError(`process ${pid} has ended`);
  }
}

/** What listens in the process's network: { host, port, inode }. */
function socketsOf(pid) {
  return ['tcp', 'tcp6'].flatMap((table) => {
    const lines = readTable(`/proc/${pid}/net/${table}`).split('\n').slice(1);
    const rows = lines.map((line) => line.trim().split(/\s+/));
    const listening = rows.filter(([, , , state]) => state === LISTENING);
    return listening.map(([, local, , , , , , , , inode]) => ({ ...parseAddress(local), inode }));
  });
}

/** Empty where the system has no IPv6, or the process has ended. */
function readTable(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** `0100007F:240D`: words of four bytes, the last byte first, and the port. */
function parseAddress(text) {
  const [words, port] = text.split(':');
  const bytes = words.match(/.{8}/g).flatMap((word) => word.match(/../g).reverse());
  return { host: hostOf(bytes), port: Number.parseInt(port, 16) };
}

/** Who listens everywhere is reached through the loopback. */
function hostOf(bytes) {
  const isEverywhere = bytes.every((byte) => byte === '00');
  if (bytes.length === 4) {
    return isEverywhere ? '127.0.0.1' : bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
  }
  return isEverywhere ? '::1' : bytes.join('').match(/.{4}/g).join(':');
}

/** The URL of the first inspector among what listens; all are asked at once. */
async function findInspector(addresses, interruption) {
  const ids = await Promise.all(addresses.map((address) => askForId(address, interruption)));
  const found = ids.findIndex((id) => id !== undefined);
  if (found === -1) return undefined;
  const { host, port } = addresses[found];
  return `ws://${hostInUrl(host)}:${port}/${ids[found]}`;
}

function hostInUrl(host) {
  return host.includes(':') ? `[${host}]` : host;
}

/** The inspector's own id for the process; undefined if it is no inspector that listens. */
async function askForId({ host, port }, interruption) {
  const address = { host, port, path: '/json/list' };
  try {
    const answer = await within(DEADLINES.find, 'asking', interruption, (signal) =>
      get({ ...address, signal }),
    );
    const [{ type, id }] = JSON.parse(answer);
    // Of what else answers so the address shall have no more than an id.
    return type === 'node' && /^[\w-]+$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function get(address) {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...address, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
        if (text.length > LONGEST_ANSWER) request.destroy(new Error('no inspector answers so'));
      });
      response.on('error', reject).on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}

module.exports = { checkTarget, openInspector };
