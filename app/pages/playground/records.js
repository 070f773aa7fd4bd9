// Read the reviews in a file: text, CSV or JSON Lines.

import { readCsv } from "./csv.js";
import { count } from "./verdict.js";

const MAX_BYTES = 100_000_000; // the file, its rows and its predictions are all in memory
const MAX_REVIEWS = 100_000;
const PREFERRED = ["review", "text", "reviews"]; // columns with the reviews
const DELIMITERS = [",", ";", "\t"];

/** The file cannot be read: the message says why and what to do, or a column has to be chosen, most `likely` this one. */
export class Unreadable extends Error {}

/**
 * @param {number} [chosen] Index of the column with the reviews; by default, the one that is called review or text.
 * @returns {Promise<{columns: string[], records: Array<{cells: Array, review: string|undefined, error: string}>, note: string}>}
 *   Records are in the order of the file, with a cell for each column. `note` is a warning for the user, or "".
 */
export async function readRecords(file, chosen) {
  if (file.size > MAX_BYTES) throw new Unreadable(`The file is larger than ${MAX_BYTES / 1e6} MB. Split it.`);
  const { text, note: encodingNote = "" } = decode(await file.arrayBuffer());
  if (text.includes("\0")) throw new Unreadable("This is not a text file. Save it as CSV or as plain text in UTF-8.");
  const { columns, rows, note = "" } = parserFor(file)(text);
  if (!rows.length) throw new Unreadable("The file contains no reviews.");
  if (rows.length > MAX_REVIEWS)
    throw new Unreadable(`The file contains ${count(rows.length, "review")}; the limit is ${MAX_REVIEWS.toLocaleString("en")}. Split it.`);
  const indexes = chosen === undefined ? preferred(columns) : [chosen];
  if (columns.length && !indexes.length) {
    const lengths = columns.map((_, index) => rows.reduce((sum, { cells }) => sum + String(cells?.[index] ?? "").length, 0));
    throw Object.assign(new Unreadable(), { columns, likely: lengths.indexOf(Math.max(...lengths)) });
  }
  const records = rows.map(({ cells = [], error = "" }) => {
    const review = indexes.map((index) => cells[index]).find((cell) => typeof cell === "string");
    return { cells, review, error: error || (review === undefined ? "This row has no review." : "") };
  });
  return { columns, records, note: `${encodingNote} ${note}`.trim() };
}

/** Indexes of the columns that may have the reviews, the likeliest first. */
function preferred(columns) {
  const names = columns.map((name) => name.trim().toLowerCase());
  return PREFERRED.map((name) => names.indexOf(name)).filter((index) => index >= 0);
}

function parserFor(file) {
  const name = file.name.toLowerCase();
  if (/\.(jsonl|ndjson)$/.test(name)) return fromJsonLines;
  if (/\.(csv|tsv)$/.test(name)) return fromCsv;
  if (/\.(txt|text)$/.test(name) || !name.includes(".")) return fromLines;
  throw new Unreadable("This file type is not supported. Use a text file (.txt), CSV (.csv, .tsv) or JSON Lines (.jsonl, .ndjson).");
}

function decode(bytes) {
  const [first, second] = new Uint8Array(bytes);
  if (first === 0xff && second === 0xfe) return { text: new TextDecoder("utf-16le").decode(bytes) };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    const note = "The file is not UTF-8; it was read as Windows-1252. If characters look wrong, save it as UTF-8.";
    return { text: new TextDecoder("windows-1252").decode(bytes), note };
  }
}

function fromLines(text) {
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line.trim());
  return { columns: ["review"], rows: lines.map((line) => ({ cells: [line] })) };
}

function fromCsv(text) {
  const headers = DELIMITERS.map((delimiter) => readCsv(text, delimiter, 1).rows[0] ?? []);
  const named = headers.findIndex((header) => preferred(header).length);
  const widest = headers.findIndex(({ length }) => length === Math.max(...headers.map((header) => header.length)));
  const best = named < 0 ? widest : named;
  const delimiter = DELIMITERS[best];
  const { rows, open } = readCsv(text, delimiter);
  if (open) throw new Unreadable("A quotation mark in this CSV file is never closed, so its rows cannot be separated. Fix the file.");
  if (named < 0 && rows.every((row) => row.length === 1)) {
    const note = "The first line was treated as a review. If it is a header, rename the column to review.";
    return { columns: ["review"], rows: rows.map((cells) => ({ cells })), note };
  }
  const [columns, ...others] = rows;
  // In a file with one column, an unquoted delimiter belongs to the review.
  const cellsOf = (row) => (columns.length === 1 ? [row.join(delimiter)] : columns.map((_, index) => row[index] ?? ""));
  return { columns, rows: others.map((row) => ({ cells: cellsOf(row) })) };
}

function fromJsonLines(text) {
  const values = fromLines(text).rows.map(({ cells: [line] }) => {
    try {
      const value = JSON.parse(line);
      return typeof value === "string" ? { review: value } : Object(value) === value ? value : null;
    } catch {
      return null;
    }
  });
  const columns = [...new Set(values.flatMap((value) => Object.keys(value ?? {})))];
  const rows = values.map((value) => (value ? { cells: columns.map((name) => value[name]) } : { error: "This line is neither a JSON object nor a string." }));
  return { columns, rows };
}
