// What Grafana Alloy makes of the profiles that it scrapes: it sends on what was allocated since the last
// one. Which sample is which it tells by the addresses of the locations and the labels
// (internal/component/pyroscope/scrape/internal/fastdelta of its source).
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';

/** Those that Alloy subtracts; of others it sends the last value. */
const DELTA_TYPES = ['alloc_objects', 'alloc_space'];

/** With more Alloy fails. */
const MAX_TYPES = 4;

/** A gzipped profile: `{ types, samples: { key, stack, values }[] }`, `key` by which Alloy tells it. */
export function decode(bytes) {
  const profile = Profile.decode(gunzipSync(bytes));
  const text = (index) => profile.stringTable.strings[Number(index)];
  const types = profile.sampleType.map(({ type }) => text(type));
  if (types.length > MAX_TYPES) throw new Error(`too many types: ${types}`);
  const locations = new Map(profile.location.map((location) => [location.id, location]));
  const functions = new Map(profile.function.map((one) => [one.id, one]));
  const samples = profile.sample.map(({ locationId, value, label }) => {
    const labels = label.map(({ key, numUnit, num, str }) => [
      text(key),
      text(numUnit),
      String(num),
      text(str),
    ]);
    const places = locationId.map((id) => locations.get(id));
    return {
      key: JSON.stringify([places.map(({ address }) => String(address)), labels.sort()]),
      stack: JSON.stringify([places.map((place) => describe(place, functions, text)), labels]),
      values: value.map(Number),
    };
  });
  return { types, samples, locations: profile.location, mappings: profile.mapping };
}

function describe({ line }, functions, text) {
  return line.map(({ functionId, line, column }) => {
    const { name, filename, startLine } = functions.get(functionId);
    return [text(name), text(filename), startLine, line, column].join(' ');
  });
}

/** Scrapes one target: each profile is answered with what Alloy would send on. */
export class DeltaComputer {
  #before = new Map();

  add(bytes) {
    const { types, samples } = decode(bytes);
    const sums = new Map();
    for (const { key, stack, values } of samples) {
      const sum = sums.get(key);
      if (sum === undefined) sums.set(key, { stack, values });
      else sum.values = sum.values.map((value, index) => value + values[index]);
    }
    const isDelta = types.map((type) => DELTA_TYPES.includes(type));
    const sent = Array.from(sums, ([key, { stack, values }]) => {
      const before = this.#before.get(key) ?? [];
      this.#before.set(key, values);
      const left = values.map(
        (value, index) => value - (isDelta[index] ? (before[index] ?? 0) : 0),
      );
      return { stack, values: left };
    });
    return { types, samples: sent.filter(({ values }) => values.some((value) => value !== 0)) };
  }
}
