// Colours from the theme's tokens: what a role looks like, and perceptually uniform ramps for heat maps.
//
// Ramps live in OKLab (B. Ottosson, "A perceptual color space for image processing", 2020). A ramp starts at the page's
// background, passes through the role's colour and goes on, with lightness linear in the value: equal steps of a density
// look equal, low is "nothing there" and both hold on a light page and on a dark one.

// The roles in the order of the theme's palette: Streamlit's name of the colour as text, and the colour without a theme.
const ROLES = { data: ["blue", "#0072b2"], model: ["orange", "#d55e00"], noise: ["violet", "#7b4ea3"], critic: ["green", "#009e73"] };
const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

const linear = (/** @type {number} */ v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);

/** Any CSS colour as [r, g, b] in 0..255; the canvas is the parser. @param {string} css */
export function rgb(css) {
  probe.fillStyle = "#000";
  probe.fillStyle = css;
  probe.clearRect(0, 0, 1, 1);
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

export function oklab(/** @type {number[]} */ [r, g, b]) {
  const [lr, lg, lb] = [r, g, b].map((v) => linear(v / 255));
  const l = Math.cbrt(0.4122214708 * lr + 0.5363325363 * lg + 0.0514459929 * lb);
  const m = Math.cbrt(0.2119034982 * lr + 0.6806995451 * lg + 0.1073969566 * lb);
  const s = Math.cbrt(0.0883024619 * lr + 0.2817188376 * lg + 0.6299787005 * lb);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

export function fromOklab(/** @type {number[]} */ [L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => {
    const c = Math.min(1, Math.max(0, v));
    return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
  });
}

/** The page's tokens as the painters want them. `host` is any element inside the component. @param {Element} host @returns {Theme} */
export function readTheme(host) {
  const style = getComputedStyle(host);
  /** @param {string} name @param {string} otherwise */
  const token = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const palette = token("--st-chart-categorical-colors", "").split(",").map((c) => c.trim()).filter(Boolean);
  const background = token("--st-background-color", "#ffffff");
  const text = token("--st-text-color", "#222222");
  const font = token("--st-font", "sans-serif");
  const accent = token("--st-primary-color", text);
  /** @type {Record<string, string>[]} */
  const [roles, inks] = [{ neutral: text, accent, grey: "#808080" }, { neutral: text, accent, grey: text }];
  Object.entries(ROLES).forEach(([role, [ink, fallback]], i) => {
    roles[role] = palette[i] || fallback;
    inks[role] = token(`--st-${ink}-text-color`, roles[role]);
  });
  return {
    background, text, roles, inks, font, border: token("--st-border-color", "#cccccc"), dark: oklab(rgb(background))[0] < 0.5,
    tints: palette.length ? palette : Object.values(roles).slice(0, 4),
    ramps: new Map(), signature: JSON.stringify([background, text, roles, font, palette]),
  };
}

/** A colour of the palette that is as full as the low four bits of `tint` say, and grey where they are none. @param {Theme} theme @param {number} tint */
export function tinted(theme, tint) {
  const [full, grey] = [theme.tints[(tint >> 4) % theme.tints.length], theme.dark ? "#6a7077" : "#b4b8bd"].map((css) => oklab(rgb(css)));
  const share = (tint & 15) / 15;
  const [r, g, b] = fromOklab(full.map((v, i) => v * share + grey[i] * (1 - share)));
  return `rgb(${r} ${g} ${b})`;
}

// `steps` colours from the background (0) through the role's colour and beyond it (1), uniform in lightness.
/** @param {Theme} theme @param {string} role @param {number} steps @param {number} beyond */
function half(theme, role, steps, beyond) {
  const from = oklab(rgb(theme.background));
  const via = oklab(rgb(theme.roles[role]));
  const goal = theme.dark ? Math.max(0.95, via[0]) : Math.min(0.27, via[0]);
  const end = via[0] + (goal - via[0]) * beyond;
  const turn = Math.abs((via[0] - from[0]) / (end - from[0] || 1));
  return Array.from({ length: steps }, (_, i) => {
    const t = i / (steps - 1);
    const L = from[0] + (end - from[0]) * t;
    // Chroma grows to the role's own and then fades half way, or the dark end would leave the sRGB gamut.
    const fade = 1 - 0.55 * ((t - turn) / (1 - turn || 1));
    const [share, base] = t <= turn ? [t / (turn || 1), from] : [fade, [0, 0, 0]];
    return fromOklab([L, ...[1, 2].map((k) => base[k] * (t <= turn ? 1 - share : 0) + via[k] * share)]);
  });
}

// Images: as black and as white on every page.
const GREY = Array.from({ length: 255 }, (_, i) => Array(3).fill(Math.round((i * 255) / 254)));

/** 256 packed RGBA colours for the uint8 cells of a heat map; 0 is transparent. @param {Theme} theme @param {Pick<Layer, 'role' | 'diverging' | 'lowRole'>} _1 */
export function ramp(theme, { role, diverging, lowRole }) {
  const name = diverging ? `${lowRole}|${role}` : role;
  if (!theme.ramps.has(name)) {
    const colours = diverging
      ? [...half(theme, lowRole, 128, 0.3).reverse(), ...half(theme, role, 128, 0.3).slice(1)]
      : role === "grey" ? GREY : half(theme, role, 255, 1);
    const packed = new Uint32Array(256);
    colours.forEach(([r, g, b], i) => { packed[i + 1] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; });
    theme.ramps.set(name, packed);
  }
  return theme.ramps.get(name);
}

/** The ramp as a CSS gradient, for the swatch of a legend chip. @param {Theme} theme @param {Layer} layer */
export function gradient(theme, layer) {
  const packed = ramp(theme, layer);
  const stops = [1, 64, 128, 192, 255].map((i) => packed[i]).map((c) => `rgb(${c & 255} ${(c >> 8) & 255} ${(c >> 16) & 255})`);
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}
