/**
 * A graph as the bytes of an ONNX ModelProto. Field numbers are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Graph, GraphNode, Initializer, NamedValue } from './graph.ts';
import { type AttributeValue, MICROSOFT, MICROSOFT_OPSET, OPS, OPSET } from './ops.ts';
import { DTYPES, isExternal } from './tensor.ts';
import { verify } from './verify.ts';

/** The IR version that belongs to opset 21. */
const IR_VERSION = 10;
const EXTERNAL = 1;
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** Verifies the graph and gives its ONNX bytes; the same graph gives the same bytes. Throws GraphError. */
export function encode(graph: Graph): Uint8Array {
  verify(graph);
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(IR_VERSION);
  text(writer, 2, 'knack');
  message(writer, 7, () => {
    for (const each of graph.nodes) message(writer, 1, () => writeNode(writer, each));
    text(writer, 2, graph.name);
    for (const each of graph.initializers) message(writer, 5, () => writeTensor(writer, each));
    for (const each of graph.inputs) message(writer, 11, () => writeValueInfo(writer, each));
    for (const each of graph.outputs) message(writer, 12, () => writeValueInfo(writer, each));
    // Sizes that are known at run time only would get a name for each value else: none could take another's memory, and
    // the runtime's plan holds each against all before it, a second for a graph that serves (docs/log.md).
    for (const each of between(graph)) message(writer, 13, () => writeValueInfo(writer, each));
  });
  writeOpset(writer, '', OPSET);
  if (graph.nodes.some(({ op }) => OPS[op]!.domain === MICROSOFT)) writeOpset(writer, MICROSOFT, MICROSOFT_OPSET);
  return writer.finish();
}

/** Values of symbolic size that are neither inputs nor outputs. */
function between({ nodes, outputs }: Graph): NamedValue[] {
  const given = new Set(outputs.map(({ name }) => name));
  const isSymbolic = ({ shape }: NamedValue): boolean => shape.some((dim) => typeof dim === 'string');
  return nodes.flatMap((node) => node.outputs.filter((value) => !given.has(value.name) && isSymbolic(value)));
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

function writeOpset(writer: BinaryWriter, domain: string, version: number): void {
  message(writer, 8, () => {
    text(writer, 1, domain);
    writer.tag(2, WireType.Varint).int64(version);
  });
}

function writeNode(writer: BinaryWriter, node: GraphNode): void {
  for (const name of node.inputs) text(writer, 1, name);
  for (const { name } of node.outputs) text(writer, 2, name);
  text(writer, 3, node.name);
  text(writer, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    if (value !== undefined) message(writer, 5, () => writeAttribute(writer, node.op, name, value));
  }
  const { domain } = OPS[node.op]!;
  if (domain !== undefined) text(writer, 7, domain);
}

function writeAttribute(writer: BinaryWriter, op: string, name: string, value: AttributeValue): void {
  const type = OPS[op]!.attributes[name]!;
  text(writer, 1, name);
  if (type === 'float') writer.tag(2, WireType.Bit32).float(value as number);
  else if (type === 'int') integer(writer, 3, value as number);
  else if (type === 'string') text(writer, 4, value as string);
  else for (const each of value as readonly number[]) integer(writer, 8, each);
  integer(writer, 20, ATTRIBUTE[type]);
}

function writeTensor(writer: BinaryWriter, { name, dtype, shape, data }: Initializer): void {
  for (const size of shape) integer(writer, 1, size);
  integer(writer, 2, DTYPES[dtype].code);
  text(writer, 8, name);
  if (!isExternal(data)) {
    // Typed arrays have the machine's byte order, which is little-endian (as ONNX asks) wherever ONNX Runtime ships.
    writer.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return;
  }
  const { file, offset, length } = data;
  for (const [key, value] of Object.entries({ location: file, offset: String(offset), length: String(length) })) {
    message(writer, 13, () => {
      text(writer, 1, key);
      text(writer, 2, value);
    });
  }
  integer(writer, 14, EXTERNAL);
}

function writeValueInfo(writer: BinaryWriter, { name, dtype, shape }: NamedValue): void {
  text(writer, 1, name);
  message(writer, 2, () =>
    message(writer, 1, () => {
      integer(writer, 1, DTYPES[dtype].code);
      message(writer, 2, () => {
        for (const dim of shape) {
          message(writer, 1, () => {
            if (typeof dim === 'number') integer(writer, 1, dim);
            else text(writer, 2, dim);
          });
        }
      });
    }),
  );
}
