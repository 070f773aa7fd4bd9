// The page's request as commands to copy. They read the API key from the environment: commands end up in shell histories.

/** For sh, bash and zsh. */
export function curlCommand(address, review, withKey) {
  // Only ASCII, so that the terminal's encoding does not matter, and no single quotes, so that it can be quoted.
  const json = JSON.stringify({ reviews: [review] }).replace(
    /['\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const key = withKey ? `\\\n  -H "Authorization: Bearer $SENTIMENT_KEY" ` : "";
  return `curl -s '${address.replaceAll("'", "%27")}' -H 'Content-Type: application/json' ${key}\\\n  -d '${json}'`;
}

/** For Python 3 with httpx. JSON's strings are also Python's. */
export function httpxProgram(address, review, withKey) {
  const key = withKey ? `\n    headers={"Authorization": f"Bearer {os.environ['SENTIMENT_KEY']}"},` : "";
  return `${withKey ? "import os\n\n" : ""}import httpx

response = httpx.post(
    ${JSON.stringify(address)},
    json={"reviews": [${JSON.stringify(review)}]},${key}
)
response.raise_for_status()
print(response.json())
`;
}
