/**
 * Turns text into the ids that a model reads: the same as Python, because words are defined on the bytes of UTF-8.
 *
 *     const tokenizer = new Tokenizer(model.manifest.text);
 *     tokenizer.encode("a good film"); // [3, 41, 7]
 *
 * A word is a run of ASCII letters, digits, underscores and bytes beyond ASCII; every other byte that is not white space
 * is a word of its own. Id 0 is an unknown word. Of a model of bytes, byte b has id b + 1.
 *
 * @typedef {{kind: "bytes" | "words", lower: "none" | "ascii", vocabulary: string[]}} Text the manifest's `text`
 */

export const LONGEST = 64; // bytes of a word; longer ones are unknown
const encoder = new TextEncoder();
const SPACE = new Set(encoder.encode(" \t\n\r\f\v"));

/** Maps text to ids as a manifest says. */
export class Tokenizer {
  /** @param {Text} text */
  constructor(text) {
    this.text = text;
    const letter = (byte) => (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
    const digit = (byte) => byte >= 48 && byte <= 57;
    const lower = (byte) => (text.lower === "ascii" && byte >= 65 && byte <= 90 ? byte + 32 : byte);
    const all = Array.from({ length: 256 }, (_, byte) => byte);
    this.ofWord = all.map((byte) => letter(byte) || digit(byte) || byte === 95 || byte >= 128);
    /** Each byte as a character, lowered: words are looked up as strings of these. */
    this.characters = all.map((byte) => String.fromCharCode(lower(byte)));
    this.ids = new Map((text.vocabulary ?? []).map((word, i) => [String.fromCharCode(...encoder.encode(word)), i + 1]));
  }

  /**
   * @param {string | Uint8Array} text a string, or bytes, which need not be valid UTF-8
   * @returns {number[]}
   */
  encode(text) {
    const live = this.live();
    return live.push(text).concat(live.end());
  }

  /** Returns a tokenizer for text that arrives in pieces. */
  live() {
    return new LiveTokenizer(this);
  }
}

/** Maps the pieces of one text to ids: together those of the whole, wherever it is cut. */
export class LiveTokenizer {
  /** @param {Tokenizer} tokenizer */
  constructor(tokenizer) {
    this.tokenizer = tokenizer;
    this.held = ""; // the word that has begun
    this.half = ""; // the first half of a surrogate pair
  }

  /**
   * Returns the ids of the tokens that end in a piece: a word ends with the byte after it, or at the `end`.
   *
   * @param {string | Uint8Array} piece
   * @returns {number[]}
   */
  push(piece) {
    const { text, ofWord, characters, ids } = this.tokenizer;
    const bytes = this.take(piece);
    if (text.kind === "bytes") return Array.from(bytes, (byte) => byte + 1);
    const found = [];
    for (const byte of bytes) {
      if (ofWord[byte]) {
        if (this.held.length <= LONGEST) this.held += characters[byte];
        continue;
      }
      this.finish(found);
      if (!SPACE.has(byte)) found.push(ids.get(characters[byte]) ?? 0);
    }
    return found;
  }

  /** Returns the ids of what was held back, and begins a new text. */
  end() {
    const found = this.push(new Uint8Array());
    this.finish(found);
    return found;
  }

  /** Whether the text so far ends inside a token. */
  get waits() {
    return Boolean(this.held || this.half);
  }

  /** Returns another that goes on from here. */
  copy() {
    return Object.assign(this.tokenizer.live(), { held: this.held, half: this.half });
  }

  finish(found) {
    if (this.held) found.push(this.tokenizer.ids.get(this.held) ?? 0);
    this.held = "";
  }

  /** Returns the bytes of a piece, after those of the half of a pair that waited for it. */
  take(piece) {
    const string = this.half + (typeof piece === "string" ? piece : "");
    const last = string.charCodeAt(string.length - 1);
    const waits = typeof piece === "string" && last >= 0xd800 && last < 0xdc00;
    this.half = waits ? string.slice(-1) : "";
    const bytes = encoder.encode(waits ? string.slice(0, -1) : string);
    return typeof piece === "string" ? bytes : bytes.length ? Uint8Array.from([...bytes, ...piece]) : piece;
  }
}
