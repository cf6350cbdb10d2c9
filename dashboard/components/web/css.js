// Style sheets of this folder, fetched once for all components of a page.

const sheets = new Map();

/** @param {string} name */
function sheet(name) {
  if (!sheets.has(name))
    sheets.set(
      name,
      fetch(new URL(name, import.meta.url)).then(async (answer) => {
        if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
        return new CSSStyleSheet().replace(await answer.text());
      }),
    );
  return sheets.get(name);
}

/** What dresses a component, `(root) => …`. A module waits for it before anything is shown: sizes depend on it. @param {...any} names */
export async function styles(...names) {
  const found = await Promise.all(names.map(sheet));
  return (/** @type {ShadowRoot} */ root) => {
    root.adoptedStyleSheets = found;
  };
}
