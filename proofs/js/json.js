/**
 * JSON read strictly: objects are Maps in which no name stands twice, nesting is bounded, and
 * numbers, true, false and null, which no field may be, all become null. JSON.parse would keep the
 * last of two equal names and round integers.
 */

import { Refused } from "./refusal.js";

const SPACE = /[ \t\n\r]*/y;
const SCALAR =
  /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null|NaN|-?Infinity/y;

/** @typedef {Map<string, any> | any[] | string | null} Json */

/**
 * Read a JSON text; Refused as malformed or duplicated_field.
 * @param {string} text
 * @param {number} maxDepth
 * @returns {Json}
 */
export function parseJson(text, maxDepth) {
  checkDepth(text, maxDepth);
  const reader = new Reader(text);
  const value = reader.value();
  reader.space();
  if (reader.at < text.length) throw malformed();
  return value;
}

/**
 * Give the RFC 8785 text of what was read, where every text is ASCII.
 * @param {Json} value
 * @returns {string}
 */
export function writeJson(value) {
  if (value instanceof Map) {
    const names = [...value.keys()].sort();
    const members = names.map((name) => `${JSON.stringify(name)}:${writeJson(value.get(name))}`);
    return `{${members.join(",")}}`;
  }
  return Array.isArray(value) ? `[${value.map(writeJson).join(",")}]` : JSON.stringify(value);
}

/** What follows one place in a text; each method reads on from there. */
class Reader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  /** @returns {Json} */
  value() {
    this.space();
    const first = this.text[this.at];
    if (first === "{") return this.object();
    if (first === "[") return this.list();
    if (first === '"') return this.string();
    this.match(SCALAR);
    return null;
  }

  object() {
    /** @type {[string, Json][]} */
    const pairs = [];
    this.items("}", () => {
      this.space();
      const name = this.string();
      this.space();
      this.expect(":");
      pairs.push([name, this.value()]);
    });
    return once(pairs);
  }

  list() {
    /** @type {Json[]} */
    const items = [];
    this.items("]", () => items.push(this.value()));
    return items;
  }

  /**
   * Read what stands between brackets, parted by commas.
   * @param {string} end
   * @param {() => void} read
   */
  items(end, read) {
    this.at += 1;
    this.space();
    if (this.text[this.at] === end) {
      this.at += 1;
      return;
    }
    read();
    for (this.space(); this.text[this.at] !== end; this.space()) {
      this.expect(",");
      read();
    }
    this.at += 1;
  }

  string() {
    const start = this.at;
    this.expect('"');
    while (this.text[this.at] !== '"') {
      if (this.at >= this.text.length) throw malformed();
      this.at += this.text[this.at] === "\\" ? 2 : 1;
    }
    this.at += 1;
    try {
      return String(JSON.parse(this.text.slice(start, this.at)));
    } catch {
      throw malformed();
    }
  }

  space() {
    this.match(SPACE);
  }

  /** @param {string} character */
  expect(character) {
    if (this.text[this.at] !== character) throw malformed();
    this.at += 1;
  }

  /** @param {RegExp} sticky */
  match(sticky) {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text);
    if (found === null) throw malformed();
    this.at += found[0].length;
  }
}

/** @param {[string, Json][]} pairs */
function once(pairs) {
  const seen = new Map();
  for (const [name, value] of pairs) {
    if (seen.has(name))
      throw new Refused("duplicated_field", `${JSON.stringify(name.slice(0, 40))} stands twice`);
    seen.set(name, value);
  }
  return seen;
}

/**
 * Refuse what is nested deeper than the file is.
 * @param {string} text
 * @param {number} maxDepth
 */
function checkDepth(text, maxDepth) {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfText(text, at);
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth > maxDepth)
      throw new Refused("malformed", `the file is nested deeper than ${maxDepth}`);
  }
}

/**
 * Give the place of a text's last character; one without an end is taken whole.
 * @param {string} text
 * @param {number} start
 */
function endOfText(text, start) {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') {
    if (text[at] !== "\\") at += 1;
    else if (at + 1 < text.length && text[at + 1] !== "\n") at += 2;
    else return at - 1;
  }
  return Math.min(at, text.length - 1);
}

function malformed() {
  return new Refused("malformed", "the file is not JSON");
}
