// The page's request as commands to copy. They read the API key from the environment: commands end up in shell histories.

const MAX_ARGUMENT = 100_000; // characters; Linux allows 128 kB

/** For sh, bash and zsh. */
export function curlCommand(address, review, withKey) {
  // Only ASCII, so that the terminal's encoding does not matter, and no single quotes, so that it can be quoted.
  const json = JSON.stringify({ reviews: [review] }).replace(
    /['\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const head = [`curl -s '${address.replaceAll("'", "%27")}' -H 'Content-Type: application/json'`];
  if (withKey) head.push(`-H "Authorization: Bearer $SENTIMENT_KEY"`);
  const start = head.join(" \\\n  ");
  if (json.length <= MAX_ARGUMENT) return `${start} \\\n  -d '${json}'`;
  return `${start} \\\n  --data-binary @- <<'END'\n${json}\nEND`;
}

/** For Python 3 with httpx. */
export function httpxProgram(address, review, withKey) {
  const key = withKey ? `\n    headers={"Authorization": f"Bearer {os.environ['SENTIMENT_KEY']}"},` : "";
  return `${withKey ? "import os\n\n" : ""}import httpx

response = httpx.post(
    ${pythonText(address)},
    json={"reviews": [${pythonText(review)}]},${key}
)
response.raise_for_status()
print(response.json())
`;
}

function pythonText(text) {
  const escapes = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const escaped = Array.from(text, (character) => {
    const code = character.codePointAt(0);
    if (character in escapes) return escapes[character];
    if (code >= 0x20 && code < 0x7f) return character;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `"${escaped.join("")}"`;
}
