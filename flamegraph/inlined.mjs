// What V8 probably inlined since the base: a note on the functions, and a list of all.
import { formatCount, formatGrowth } from '../lib/display/units.js';
import { listOf, withInterval } from './text.mjs';

/** Adds notes to the frames, and fills the list, which stays hidden if there is nothing to say. */
export function noteInlined(details, inlined, frames) {
  const lines = inlined.map(({ caller, callees, growth }) => {
    const [into, names] = [frames[caller], callees.map((callee) => frames[callee].name)];
    into.notes.push(`V8 has probably inlined ${listOf(names)} here since the base`);
    for (const callee of callees) {
      frames[callee].notes.push(`V8 has probably inlined this into ${into.name} since the base`);
    }
    const places = callees.map((callee) => `${frames[callee].name} (${frames[callee].shortPlace})`);
    const grew = `${into.name} itself ${withInterval(growth, formatGrowth)}`;
    return `${listOf(places)} into ${into.name} (${into.shortPlace}): ${grew}`;
  });
  const count = inlined.reduce((sum, { callees }) => sum + callees.length, 0);
  details.hidden = count === 0;
  const functions = count === 1 ? 'a function' : `${formatCount(count)} functions`;
  details.querySelector('summary').textContent =
    `V8 has probably inlined ${functions} since the base`;
  details.querySelector('ul').replaceChildren(
    ...lines.map((line) => {
      const item = document.createElement('li');
      item.textContent = line;
      return item;
    }),
  );
}
