/** The devices that training can run on, and which of them this platform's ONNX Runtime has at all. Pure. */

/** ONNX Runtime's execution providers that onnxruntime-node ships or can load. */
export const DEVICES = ['cpu', 'webgpu', 'dml', 'coreml', 'cuda'] as const;
export type Device = (typeof DEVICES)[number];

/** What `knack.training.device` may be. */
export const DEVICE_SETTINGS = ['auto', ...DEVICES] as const;
export type DeviceSetting = (typeof DEVICE_SETTINGS)[number];

/** Which `auto` tries, best first; where none is taken, the CPU. */
export const AUTO_ORDER: readonly Device[] = ['cuda', 'dml', 'coreml', 'webgpu'];

/** For people. */
export const DEVICE_NAMES: Readonly<Record<Device, string>> = {
  cpu: 'the CPU',
  webgpu: 'WebGPU',
  dml: 'DirectML',
  coreml: 'Core ML',
  cuda: 'CUDA',
};

/** The provider's name in ONNX Runtime's profiles. */
export const PROVIDERS: Readonly<Record<Device, string>> = {
  cpu: 'CPUExecutionProvider',
  webgpu: 'WebGpuExecutionProvider',
  dml: 'DmlExecutionProvider',
  coreml: 'CoreMLExecutionProvider',
  cuda: 'CUDAExecutionProvider',
};

export interface Platform {
  /** Node's `process.platform` and `process.arch`. */
  readonly os: string;
  readonly arch: string;
  /** Linux with musl instead of glibc, such as Alpine. */
  readonly musl: boolean;
  /** Names of the files that lie beside ONNX Runtime's library. */
  readonly files: readonly string[];
}

/** Platform -> what onnxruntime-node 1.30's library for it was built with (its bin folder, looked into). */
const BUILT: Readonly<Record<string, readonly Device[]>> = {
  'linux-x64': ['cpu', 'webgpu', 'cuda'],
  'linux-arm64': ['cpu'],
  'darwin-arm64': ['cpu', 'webgpu', 'coreml'],
  'win32-x64': ['cpu', 'webgpu', 'dml'],
  'win32-arm64': ['cpu', 'webgpu', 'dml'],
};

/** CUDA's part of ONNX Runtime, 300 MB and not shipped: the user puts it beside the library. */
const CUDA_LIBRARY = 'libonnxruntime_providers_cuda.so';

/** Why this platform's ONNX Runtime cannot run on the device, for people; null if it may be able to. */
export function missingProvider(device: Device, { os, arch, musl, files }: Platform): string | null {
  const platform = `${os}-${arch}`;
  const built = BUILT[platform];
  if (built === undefined || musl) {
    const where = musl ? `${platform} with musl (such as Alpine Linux)` : platform;
    return `onnxruntime-node has no library for ${where}.`;
  }
  if (!built.includes(device)) {
    const names = built.map((each) => (each === 'cpu' ? 'CPU' : DEVICE_NAMES[each])).join(', ');
    return `onnxruntime-node has no ${DEVICE_NAMES[device]} on ${platform} (it has: ${names}).`;
  }
  if (device === 'cuda' && !files.includes(CUDA_LIBRARY)) {
    return `CUDA's provider is not installed: ${CUDA_LIBRARY} does not lie beside ONNX Runtime's library (docs/devices.md says how).`;
  }
  return null;
}

/**
 * The graphics adapter in use, if it is one that computes on the CPU: such a driver is loaded, and none of graphics
 * hardware that is there. Loaders open every driver that is installed, so one loaded library alone says little.
 *
 * @param libraries paths of the shared libraries that the process has loaded once a session is made
 * @param hardware whether the system lists graphics hardware; null if that is not known
 * @returns its name, or null
 */
export function softwareAdapter(libraries: readonly string[], hardware: boolean | null): string | null {
  const found = SOFTWARE.find(({ file }) => libraries.some((path) => file.test(path)));
  const other = hardware !== false && libraries.some((path) => HARDWARE_DRIVER.test(path));
  return found === undefined || other ? null : found.name;
}

const SOFTWARE: readonly { readonly file: RegExp; readonly name: string }[] = [
  { file: /vk_swiftshader/i, name: 'SwiftShader' },
  { file: /vulkan_lvp/i, name: 'llvmpipe' },
  { file: /d3d10warp/i, name: 'WARP' },
];

/** Vulkan drivers of Linux, then Direct3D 12 drivers of Windows. */
const HARDWARE_DRIVER =
  /libvulkan_(?!lvp)\w+\.so|libGLX_nvidia|nvidia.*vulkan|amdvlk|nvwgf2|nvldumd|amdxc|atidx|igd1[02]|qcdx/i;

/** A device failed while it computed: what was asked of it can be asked of the CPU. */
export class DeviceError extends Error {
  readonly device: Device;

  constructor(device: Device, cause: Error) {
    super(refusal(device, cause), { cause });
    this.name = 'DeviceError';
    this.device = device;
  }
}

/** What is said where WebGPU is built in and the machine has nothing for it. */
export const NO_ADAPTER =
  'WebGPU found no graphics adapter that it can use (it needs Vulkan on Linux, Direct3D 12 on Windows, Metal on macOS).';

/** ONNX Runtime's message without its C++ source locations. */
export function refusal(device: Device, error: Error): string {
  const name = DEVICE_NAMES[device];
  if (/Failed to get a WebGPU (adapter|device)/.test(error.message)) return NO_ADAPTER;
  const text = error.message
    .replace(/^\S*\/onnxruntime\/\S+ .*? was false\. /s, '')
    .replace(/\s+/g, ' ')
    .slice(0, 200);
  return `${name} failed: ${text.replace(/\.?$/, '.')}`;
}
