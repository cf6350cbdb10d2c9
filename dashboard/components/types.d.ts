// What the modules of `web/` hand each other; for the type checker alone.

type Point = [number, number];
type Extent = [number, number, number, number];
type Bytes = Int16Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
type Buffers = { shape: number[]; values: Bytes };
type Context = CanvasRenderingContext2D;

/** What Streamlit calls a component's default export with. */
type Mounted = {
  parentElement: ShadowRoot;
  data: any;
  setStateValue(name: string, value: unknown): void;
  setTriggerValue(name: string, value: unknown): void;
};

type Theme = {
  background: string; text: string; border: string; font: string; dark: boolean; signature: string;
  tints: string[]; roles: Record<string, string>; inks: Record<string, string>; ramps: Map<string, Uint32Array>;
};

/** What a layer looks like, and what its painter keeps on it. */
type Layer = {
  kind: "heatmap" | "points" | "lines" | "arrows" | "marker" | "handle";
  role: string; label: string; visible: boolean; frames: number;
  values: Buffers; diverging: boolean; lowRole: string; smooth: boolean;
  radius: number; opacity: number; trail: number; trailCount: number; width: number; text: string;
  name: string; group?: string; rail: number | null; xy: any; tint?: Buffers | null; tints?: number[];
  key?: string; cells?: HTMLCanvasElement; image?: ImageData;
  scaled?: HTMLCanvasElement | null; sheet?: HTMLCanvasElement;
};

type PaneSpec = {
  title: string; extent: Extent; layers: Layer[]; alt: string;
  pick: string | null; aspect: number | null; axes?: boolean | "y"; names?: string[];
};
type CurveSpec = { role: string; label: string; xy: Buffers };
type TimelineSpec = {
  count: number; labels: string[]; notes: Record<number, string>; positions: number[]; curves: CurveSpec[]; start: number;
  rows: [number, string][]; columns: [number, string][];
  fps: number; loop: boolean; autoplay: boolean; rest?: number | null; title: string; height: number;
};
type SheetSpec = {
  pixels: Buffers; title: string; alt: string; captions: string[][];
  columns: number; role: string; smooth: boolean;
};
type ReadoutSpec = { label: string; role: string; told: string; values: string[] };
type Scene = {
  readouts: ReadoutSpec[]; panes: PaneSpec[]; timeline: TimelineSpec | null; points: Record<string, Point>;
  seq: number; maxWidth: number; more: string; pair: boolean;
};
type WallScene = {
  sheets: SheetSpec[]; timeline: TimelineSpec | null; picks: Record<string, number>; readouts: ReadoutSpec[];
  enlarge: boolean; maxWidth: number;
};
type PadScene = {
  size: Point; mode: "draw" | "mask"; base: Buffers | null; start: Buffers | null;
  fresh: string; brush: number; alt: string; maxWidth: number;
};

/** How a painter sees a pane: device pixels, theme, window and what is held. */
type View = {
  w: number; h: number; dpr: number; theme: Theme; extent: Extent; busy?: boolean;
  points: Record<string, Point>; held?: string; shows(layer: Layer): boolean;
};
type Ink = Pick<View, "dpr" | "theme">;
type Frame = Pick<View, "w" | "h" | "extent">;

/** What outlives every message from Python: see `mounting`. */
type Instance = {
  root: HTMLElement; theme: Theme; painting: number; observer: ResizeObserver;
  emit(name: string, value: unknown): void; paint(moved?: string): void; repaint(name?: string): void;
};
/** What has a timeline: a stage or a wall. */
type Player = Instance & {
  scene: { timeline: TimelineSpec | null }; tools: HTMLElement; box: HTMLElement;
  described?(): void; frame: number; playing: boolean; scrubbing: boolean; raf: number;
  said: unknown; settling?: ReturnType<typeof setTimeout>; drag?: Drag | null;
  clock: { phase: number; last: number; since: number; ticks: number };
  timeline: Record<"root" | "play" | "strip" | "now" | "key", HTMLElement> & { canvas: HTMLCanvasElement };
};
type Framed = Record<"figure" | "head" | "title" | "picture", HTMLElement> & { canvas: HTMLCanvasElement };
type Pane = Framed & { buttons: Map<string, HTMLElement>; spec: PaneSpec };
type Drag = { pane: Pane; pointer: number; name: string; dx: number; dy: number };
type Stage = Player & {
  scene: Scene; legend: HTMLElement; readouts: HTMLElement; side: HTMLElement; panes: Pane[]; drag: Drag | null; fresh: boolean;
  sender: { seq: number; heard: number; sentAt: number; waiting: boolean; timer?: ReturnType<typeof setTimeout>; told: string[] };
  points: Record<string, Point>; shown: Map<string, boolean>; kept: Map<string, Buffers>;
};
type Sheet = Framed & {
  cells: HTMLElement | null; spec: SheetSpec; columns?: number; drawn?: number; height?: number;
  strip?: HTMLCanvasElement; image?: ImageData; packed?: Uint32Array;
};
type Large = { figure: HTMLElement; title: HTMLElement; ones: { canvas: HTMLCanvasElement; said: HTMLElement }[] };
type Wall = Player & {
  scene: WallScene; choices: HTMLElement; readouts: HTMLElement; sheets: Sheet[]; large: Large | null;
  picks: Record<string, number>; active: string; focus: number; fresh?: string; columns: number; bare?: boolean;
};
type Pad = Instance & {
  scene: PadScene; canvas: HTMLCanvasElement; picture: HTMLElement; brush: HTMLInputElement;
  tools: Record<"lay" | "lift" | "clear", HTMLElement>;
  ink: Uint8Array; lift: boolean; stroke: { pointer: number; at: Point } | null; cursor: Point;
};
type CardSpec = {
  id: string; title: string; family: string; can: string[]; filmHref: string;
  frames: number; href: string; variant: boolean; problem: string | null;
};
type Group = {
  title: string; cards: CardSpec[]; link: { name: string; words: string; href: string } | null;
};
type TopicSpec = {
  name: string; title: string; idea: string; look: string; filmHref: string; frames: number; href: string;
};
type Part = { title: string; cards: TopicSpec[]; toCome: string[] };
type Film = { node: HTMLElement; frames: number; raf: number };
type Watch = {
  state: string; told: string | null; timer: ReturnType<typeof setInterval>; emit(name: string, value: unknown): void;
};
type Gallery = {
  root: HTMLElement; scroller: Element | null; films: Map<Element, Film>; seen?: string;
  watcher?: IntersectionObserver; player?: IntersectionObserver; lazy?: IntersectionObserver; emit(name: string, value: unknown): void;
};
type OfferSpec = { label: string; said: string[]; icon: string; href: string; name: string; film?: string };
type Scale = (value: number) => number;
type Chart = Ink & { x: Scale; y: Scale; w: number; h: number; bottom: number };
type Look = { colour: string; radius: number; halo: number; opacity: number };
type Mask = { size: number; shifts: { data: Uint8ClampedArray; packed: Uint32Array }[] };

// The browser turns numbers and booleans into text.
interface Element { setAttribute(name: string, value: number | boolean): void }
interface CSSStyleDeclaration { setProperty(name: string, value: number): void }
interface FocusOptions { focusVisible?: boolean }
