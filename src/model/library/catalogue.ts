/**
 * The models that Knack knows by name: what their files do not say (the prompt format they were made for), and where
 * they can be had. Any other model of a family that Knack runs works as well; its tokenizer decides its format then.
 *
 * Sizes and hashes are the hub's at the revision named. Where they are null the hub is asked for them at the download.
 */
import type { HubFile } from './hub.ts';

/**
 * knack: Knack's own edit format. fim: fill-in-the-middle, for models whose tokenizer has its marks. sweep, zeta: those
 * models' own.
 */
export const PROMPT_STYLES = ['knack', 'fim', 'sweep', 'zeta'] as const;
export type PromptStyle = (typeof PROMPT_STYLES)[number];

/** What a network's size is made of; enough to say what memory it needs before a file is there. */
export interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediate: number;
  readonly vocab: number;
  readonly tiedHead: boolean;
}

export interface KnownModel {
  readonly id: string;
  readonly title: string;
  readonly architecture: 'llama' | 'qwen2';
  readonly shape: Shape;
  readonly licence: string;
  readonly style: PromptStyle;
  /** Trained on code to complete or edit it: worth offering on a machine that is fast enough. */
  readonly forCode: boolean;
  /** Matches the names that its files and folders go by. */
  readonly names: RegExp;
  /** The file to fetch, or null: bring your own. */
  readonly file: HubFile | null;
}

const SMOL = { headDim: 64, vocab: 49152, tiedHead: true } as const;
const QWEN_05: Shape = {
  layers: 24,
  hidden: 896,
  heads: 14,
  kvHeads: 2,
  headDim: 64,
  intermediate: 4864,
  vocab: 151_936,
  tiedHead: true,
};
const QWEN_15: Shape = {
  layers: 28,
  hidden: 1536,
  heads: 12,
  kvHeads: 2,
  headDim: 128,
  intermediate: 8960,
  vocab: 151_936,
  tiedHead: true,
};
const QWEN_7: Shape = {
  layers: 28,
  hidden: 3584,
  heads: 28,
  kvHeads: 4,
  headDim: 128,
  intermediate: 18_944,
  vocab: 152_064,
  tiedHead: false,
};

export const CATALOGUE: readonly KnownModel[] = [
  {
    id: 'smollm2-135m',
    title: 'SmolLM2 135M',
    architecture: 'llama',
    shape: { ...SMOL, layers: 30, hidden: 576, heads: 9, kvHeads: 3, intermediate: 1536 },
    licence: 'Apache-2.0',
    style: 'knack',
    forCode: false,
    names: /smollm2-135m/i,
    file: null, // the default model: base.ts knows where it is
  },
  {
    id: 'smollm2-360m',
    title: 'SmolLM2 360M',
    architecture: 'llama',
    shape: { ...SMOL, layers: 32, hidden: 960, heads: 15, kvHeads: 5, intermediate: 2560 },
    licence: 'Apache-2.0',
    style: 'knack',
    forCode: false,
    names: /smollm2-360m/i,
    file: {
      repository: 'HuggingFaceTB/SmolLM2-360M-Instruct-GGUF',
      revision: 'main',
      file: 'smollm2-360m-instruct-q8_0.gguf',
      bytes: null,
      sha256: null,
    },
  },
  {
    id: 'smollm2-1.7b',
    title: 'SmolLM2 1.7B',
    architecture: 'llama',
    shape: { ...SMOL, layers: 24, hidden: 2048, heads: 32, kvHeads: 32, intermediate: 8192 },
    licence: 'Apache-2.0',
    style: 'knack',
    forCode: false,
    names: /smollm2-1\.7b/i,
    file: {
      repository: 'bartowski/SmolLM2-1.7B-Instruct-GGUF',
      revision: 'main',
      file: 'SmolLM2-1.7B-Instruct-Q4_K_M.gguf',
      bytes: 1_055_609_824,
      sha256: '77665ea4815999596525c636fbeb56ba8b080b46ae85efef4f0d986a139834d7',
    },
  },
  {
    id: 'qwen2.5-coder-0.5b',
    title: 'Qwen2.5-Coder 0.5B',
    architecture: 'qwen2',
    shape: QWEN_05,
    licence: 'Apache-2.0',
    style: 'fim',
    forCode: true,
    names: /qwen2\.5[-_ ]?coder[-_: ]0\.5b/i,
    file: {
      repository: 'ggml-org/Qwen2.5-Coder-0.5B-Q8_0-GGUF',
      revision: '5788aee90e725673490be18f553d234feaa8303d',
      file: 'qwen2.5-coder-0.5b-q8_0.gguf',
      bytes: 531_068_128,
      sha256: 'd0f8cd6c49bab52a0abdbe47948518b1f4d9b1a8a2a6825099cea31cea10ac56',
    },
  },
  {
    id: 'qwen2.5-coder-1.5b',
    title: 'Qwen2.5-Coder 1.5B',
    architecture: 'qwen2',
    shape: QWEN_15,
    licence: 'Apache-2.0',
    style: 'fim',
    forCode: true,
    names: /qwen2\.5[-_ ]?coder[-_: ]1\.5b/i,
    file: {
      repository: 'ggml-org/Qwen2.5-Coder-1.5B-Q8_0-GGUF',
      revision: '8be1b8a895a84beea772817caaa71eba6b6e0d07',
      file: 'qwen2.5-coder-1.5b-q8_0.gguf',
      bytes: null,
      sha256: '29871c94d15727a6e243f79a37113d4ae625a6215b5e800bf41a23af2da32832',
    },
  },
  {
    id: 'sweep-next-edit-0.5b',
    title: 'Sweep next-edit 0.5B',
    architecture: 'qwen2',
    shape: QWEN_05,
    licence: 'Apache-2.0',
    style: 'sweep',
    forCode: true,
    names: /sweep[-_ ]next[-_ ]edit[-_ ]0\.5b/i,
    file: {
      repository: 'sweepai/sweep-next-edit-0.5B',
      revision: 'main',
      file: 'sweep-next-edit-0.5b.q8_0.gguf',
      bytes: null,
      sha256: '2d2f5ca856765a086d4ee3d0dc4d30358e9d562e36480e0c754240e9cf45ed64',
    },
  },
  {
    id: 'sweep-next-edit-1.5b',
    title: 'Sweep next-edit 1.5B',
    architecture: 'qwen2',
    shape: QWEN_15,
    licence: 'Apache-2.0',
    style: 'sweep',
    forCode: true,
    names: /sweep[-_ ]next[-_ ]edit[-_ ](v\d[-_ ])?1\.5b/i,
    file: {
      repository: 'sweepai/sweep-next-edit-1.5B',
      revision: '409016591c6c1a94f545f22328a85a3516118f34',
      file: 'sweep-next-edit-1.5b.q8_0.v2.gguf',
      bytes: 1_537_269_856,
      sha256: '1321ea5e5d7529e60f9770c6a0b3a965f89542d16cf4ae51bab267f6a88150da',
    },
  },
  {
    // The first Zeta: those after it are of other families.
    id: 'zeta-7b',
    title: 'Zeta 7B',
    architecture: 'qwen2',
    shape: QWEN_7,
    licence: 'Apache-2.0',
    style: 'zeta',
    forCode: true,
    names: /(^|[-_/ ])zeta($|[-_./ :](?![23]))/i,
    file: null,
  },
];

/** What is known of a model besides its names; null where its files do not say. */
export interface Traits {
  readonly architecture: string;
  readonly layers: number | null;
  readonly hidden: number | null;
  /** Of its file, where that is known. */
  readonly sha256?: string;
}

/** The known model by its file's hash; else of this name, if it also has that model's shape: a name alone is a claim. */
export function knownModel(names: readonly string[], traits: Traits): KnownModel | null {
  const same = CATALOGUE.find(({ file }) => file?.sha256 && file.sha256 === traits.sha256);
  if (same !== undefined) return same;
  const found = CATALOGUE.find(
    ({ names: pattern, architecture, shape }) =>
      names.some((name) => pattern.test(name)) &&
      traits.architecture === architecture &&
      (traits.layers === null || traits.layers === shape.layers) &&
      (traits.hidden === null || traits.hidden === shape.hidden),
  );
  return found ?? null;
}

/**
 * The prompt style of a model: the user's choice, else the table's, else fill-in-the-middle where the tokenizer has its
 * marks, else Knack's own.
 */
export function promptStyle(chosen: PromptStyle | null, known: KnownModel | null, hasFimMarks: boolean): PromptStyle {
  return chosen ?? known?.style ?? (hasFimMarks ? 'fim' : 'knack');
}
