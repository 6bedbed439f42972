/** Building, checking and encoding graphs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, float32 } from '../../src/engine/runtime.ts';
import * as g from '../../src/graph/build.ts';
import { encode } from '../../src/graph/encode.ts';
import { type Graph, type GraphNode, makeGraph } from '../../src/graph/graph.ts';
import { addDims, type ConstantTensor, type Dim, divideDims, multiplyDims } from '../../src/graph/tensor.ts';
import { apply, constant, input, scope, type Value } from '../../src/graph/value.ts';
import { verify } from '../../src/graph/verify.ts';

test('symbolic dimensions add, multiply and divide in normal form', () => {
  const cases: [Dim | null, Dim | null][] = [
    [addDims('P', 'T'), 'P+T'],
    [addDims(addDims('T', 'T'), 'T'), '3*T'],
    [addDims('P', 0), 'P'],
    [addDims(2, 3), 5],
    [multiplyDims(3, 'T'), '3*T'],
    [multiplyDims('T', 2, 'B', 3), '6*B*T'],
    [multiplyDims(2, 'P+T'), '2*(P+T)'],
    [multiplyDims(1, 'P+T'), 'P+T'],
    [multiplyDims(0, 'T'), 0],
    [divideDims('6*B*T', '2*T'), '3*B'],
    [divideDims('2*(P+T)', 2), 'P+T'],
    [divideDims('3*T', 2), null],
    [divideDims('T', 'B'), null],
  ];
  for (const [got, expected] of cases) assert.equal(got, expected);
});

const x = input('x', 'float32', [2, 3]);
const file = (name: string): ConstantTensor => ({
  dtype: 'float32',
  shape: [2],
  data: { file: name, offset: 0, length: 8 },
});

test('an illegal node is refused where it is written, with its path', () => {
  const cases: [() => Value | readonly Value[], RegExp][] = [
    [() => g.gemm(x, x), /Gemm at block\.mlp: \[2, 3\] × \[2, 3\]: 3 and 2 differ/],
    [() => g.add(x, input('y', 'float32', [4])), /Add at block\.mlp: shapes \[2, 3\] and \[4\] do not broadcast/],
    [() => g.add(x, input('i', 'int64', [3])), /dtypes differ: float32 and int64/],
    [() => g.exp(input('i', 'int64', [3])), /Exp .*the input is int64/],
    [() => g.gather(x, x), /Gather .*second input is float32/],
    [() => g.softmax(x, 2), /axis 2 is not one of rank 2/],
    [() => g.transpose(x, [0, 0]), /perm \[0, 0\] is no permutation/],
    [() => g.reshape(x, [4]), /does not reshape to \[4\]/],
    [() => g.slice(x, 1, 2, 5), /2 to 5 by 1 is no range of axis 1/],
    [() => g.split(x, 1, [1, 1]), /1 \+ 1 is not the size of axis 1/],
    [() => g.concat([x, input('y', 'float32', [3, 3])], 1), /do not join on axis 1/],
    [() => g.matmul(x, x), /\[2, 3\] × \[2, 3\] is no matrix product/],
    [() => apply('Softmax', [x], { axes: 1 }), /has no attribute “axes”/],
    [() => apply('Softmax', [x], { axis: 0.5 }), /attribute “axis” must be of type int/],
    [() => apply('Softmax', [x, x]), /takes 1 inputs, not 2/],
    [() => apply('Einsum', [x]), /Einsum at block\.mlp: no such operator/],
    [
      () => constant({ dtype: 'float32', shape: [3], data: new Float32Array(2) }),
      /2 elements do not fill the shape \[3\]/,
    ],
  ];
  for (const [build, message] of cases) {
    assert.throws(() => scope('block', () => scope('mlp', build)), message);
  }
});

test('verify names the illegal node of a finished graph and its path', () => {
  const graph = scope('layer', () => makeGraph('small', { y: g.exp(g.add(g.mul(x, 2), file2())) }));
  verify(graph);
  const change = (op: string, to: Partial<GraphNode>): Graph => ({
    ...graph,
    nodes: graph.nodes.map((node) => (node.op === op ? { ...node, ...to } : node)),
  });
  const cases: [Graph, RegExp][] = [
    [change('Exp', { op: 'Exq' }), /Exq “layer\/Exp_2” at layer: no such operator/],
    [
      change('Exp', { inputs: ['nowhere'] }),
      /Exp “layer\/Exp_2” at layer: takes “nowhere”, which nothing before it makes/,
    ],
    [change('Mul', { inputs: ['y', 'y'] }), /Mul “layer\/Mul_0” at layer: takes “y”, which nothing before/],
    [
      change('Exp', { outputs: [{ name: 'y', dtype: 'float32', shape: [9] }] }),
      /output 0 is float32\[2, 3\], not float32\[9\]/,
    ],
    [change('Exp', { outputs: [{ name: 'x', dtype: 'float32', shape: [2, 3] }] }), /the name “x” is taken/],
    [change('Exp', { name: 'layer/Mul_0' }), /another node has this name/],
    [change('Exp', { attributes: { axis: 1 } }), /has no attribute “axis”/],
    [{ ...graph, outputs: [{ name: 'z', dtype: 'float32', shape: [] }] }, /output “z” at small: no node makes it/],
    [{ ...graph, nodes: graph.nodes.toReversed() }, /nothing before it makes/],
  ];
  for (const [broken, message] of cases) {
    assert.throws(() => verify(broken), message);
    assert.throws(() => encode(broken), message);
  }
  function file2(): Value {
    return g.floats([1, 2, 3], [3]);
  }
});

test('weights outside the graph’s folder or of the wrong length are refused', () => {
  const graphOf = (tensor: ConstantTensor): Graph => makeGraph('g', { y: g.add(constant(tensor, 'w'), 1) });
  verify(graphOf(file('weights.bin')));
  for (const name of ['../weights.bin', '/etc/weights.bin', 'a/../../b', 'C:\\weights.bin', '']) {
    assert.throws(() => verify(graphOf(file(name))), /initializer “w”.*must lie in the graph’s own folder/);
  }
  const short = { ...file('weights.bin'), shape: [3] };
  assert.throws(() => verify(graphOf(short)), /8 bytes at 0 do not fill \[3\]/);
});

test('two inputs of one name are one input, or refused if they differ', async () => {
  const twice = makeGraph('twice', { y: g.add(input('a', 'float32', [2]), input('a', 'float32', [2])) });
  const session = await createSession(twice, { threads: 1 });
  const { y } = await session.run({ a: float32([2], [1, 2]) });
  assert.deepEqual([...y!.data], [2, 4]);
  await session.release();
  const differ = makeGraph('differ', { y: g.add(input('a', 'float32', [2]), input('a', 'float32', [1])) });
  assert.throws(() => verify(differ), /input “a”.*is taken/);
});

test('the same graph gives the same bytes; what no output needs is not in it', () => {
  const build = (): Graph => {
    const a = input('a', 'float32', ['T', 4]);
    g.exp(a);
    return makeGraph('g', { y: g.mul(g.add(a, 1), 1), z: a });
  };
  assert.deepEqual(encode(build()), encode(build()));
  assert.deepEqual(
    build().nodes.map((node) => node.op),
    ['Add', 'Mul', 'Identity'],
  );
  assert.equal(build().initializers.length, 1, 'equal small constants are shared');
});

test('values between nodes are told with their sizes where those are known at run time only', () => {
  const [x, y] = [input('x', 'float32', ['T', 4]), input('y', 'float32', ['P', 4])];
  const graph = makeGraph('grown', { sum: g.reduceMean(g.concat([g.neg(x), y], 0), { axes: [0] }) });
  assert.match(Buffer.from(encode(graph)).toString('latin1'), /T\+P/);
});

test('a feed that is missing, unknown or ill-shaped is named', async () => {
  const session = await createSession(makeGraph('g', { y: g.exp(input('a', 'float32', ['T', 2])) }), { threads: 1 });
  await assert.rejects(session.run({}), /graph g needs the input “a”/);
  await assert.rejects(
    session.run({ a: float32([1, 3], [1, 2, 3]) }),
    /input “a”: float32\[1, 3\].*is not float32\[T, 2\]/,
  );
  await assert.rejects(session.run({ a: float32([2, 2], [1, 2, 3]) }), /of 3 elements/);
  const good = float32([1, 2], [0, 0]);
  await assert.rejects(session.run({ a: good, b: good }), /no input “b”/);
  assert.deepEqual([...(await session.run({ a: good })).y!.data], [1, 1]);
  await session.release();
});
