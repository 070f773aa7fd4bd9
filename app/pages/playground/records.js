// Read the reviews in a file: text, CSV or JSON Lines.

import { readCsv } from "./csv.js";
import { count } from "./verdict.js";

const MAX_BYTES = 100_000_000; // the file, its rows and its predictions are all in memory
const MAX_REVIEWS = 100_000;
const COLUMNS = ["review", "text", "reviews"]; // in order of preference
const DELIMITERS = [",", ";", "\t"];

/** The file cannot be read; the message says why and what to do. */
export class Unreadable extends Error {}

/**
 * @param {File} file
 * @returns {Promise<{reviews: Array<string|Unreadable>, note: string}>} In the order of the file, with an error in place
 *   of each line that has no review. `note` is a warning for the user, or "".
 */
export async function readRecords(file) {
  if (file.size > MAX_BYTES) throw new Unreadable(`The file is larger than ${MAX_BYTES / 1e6} MB. Split it.`);
  const { text, note: encodingNote = "" } = decode(await file.arrayBuffer());
  if (text.includes("\0")) throw new Unreadable("This is not a text file. Save it as CSV or as plain text in UTF-8.");
  const { reviews, note = "" } = parserFor(file)(text);
  if (!reviews.length) throw new Unreadable("The file contains no reviews.");
  if (reviews.length > MAX_REVIEWS)
    throw new Unreadable(`The file contains ${count(reviews.length, "review")}; the limit is ${MAX_REVIEWS.toLocaleString("en")}. Split it.`);
  return { reviews, note: `${encodingNote} ${note}`.trim() };
}

function parserFor(file) {
  const name = file.name.toLowerCase();
  if (/\.(jsonl|ndjson)$/.test(name)) return fromJsonLines;
  if (/\.(csv|tsv)$/.test(name)) return fromCsv;
  if (/\.(txt|text)$/.test(name) || !name.includes(".")) return fromLines;
  throw new Unreadable("This file type is not supported. Use a text file (.txt), CSV (.csv) or JSON Lines (.jsonl).");
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
  return { reviews: text.split(/\r\n|\n|\r/).filter((line) => line.trim()) };
}

function fromCsv(text) {
  const headers = DELIMITERS.map((delimiter) => readCsv(text, delimiter, 1).rows[0] ?? []);
  for (const [i, header] of headers.entries()) {
    const names = header.map((name) => name.trim().toLowerCase());
    const column = COLUMNS.map((name) => names.indexOf(name)).find((index) => index >= 0);
    if (column === undefined) continue;
    const [, ...rows] = closedRows(text, DELIMITERS[i]);
    // In a file with one column, an unquoted comma belongs to the review.
    return { reviews: rows.map((row) => (header.length === 1 ? row.join(DELIMITERS[i]) : row[column] ?? "")) };
  }
  const rows = closedRows(text, ",");
  if (rows.every((row) => row.length === 1)) {
    const note = "The first line was treated as a review. If it is a header, rename the column to review.";
    return { reviews: rows.flat(), note };
  }
  const [widest] = headers.sort((one, other) => other.length - one.length);
  throw new Unreadable(
    `No column is named review or text; the first line contains: ${widest.slice(0, 10).join(", ").slice(0, 200)}. ` +
      "Rename the column that contains the reviews.",
  );
}

function closedRows(text, delimiter) {
  const { rows, open } = readCsv(text, delimiter);
  if (open) throw new Unreadable("A quotation mark in this CSV file is never closed, so its rows cannot be separated. Fix the file.");
  return rows;
}

function fromJsonLines(text) {
  const reviews = fromLines(text).reviews.map((line) => {
    try {
      const value = JSON.parse(line);
      const review = [value, ...COLUMNS.map((name) => value?.[name])].find((part) => typeof part === "string");
      return review ?? new Unreadable("This line is neither a string nor an object with review or text.");
    } catch {
      return new Unreadable("This line is not JSON.");
    }
  });
  return { reviews };
}
