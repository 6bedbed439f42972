/**
 * The clipped policy gradient (PPO, https://arxiv.org/abs/1707.06347, eq. 7) with a penalty for leaving a reference
 * policy, per token: GRPO's spelling (https://arxiv.org/abs/2402.03300, eq. 3 and 4).
 */
import * as g from '../graph/build.ts';
import { input } from '../graph/value.ts';
import { type Objective, total } from './objective.ts';

/**
 * Σ weight · (−min(ratio · A, clip(ratio, 1 − ε, 1 + ε) · A) + klWeight · (e^d − d − 1)) with
 * ratio = e^(log p − old) and d = reference − log p; the last is the estimate of KL(policy ‖ reference) that is never
 * negative (http://joschu.net/blog/kl-approx.html, k3).
 *
 * Inputs float32 (N): `policy.weight`, 0 for padding; `policy.advantage`; `policy.old` and `policy.reference`, the
 * label's log-probability under the policy that chose it and under the reference. Scalars `policy.clip` (ε) and
 * `policy.klWeight`. Scalar outputs, weighted sums: `policy.kl`, and `policy.clipped`, where the clip cut the gradient.
 */
export function policyGradient(): Objective {
  return {
    name: 'policy',
    build: ({ count, logprobs }) => {
      const perRow = (name: string) => input(`policy.${name}`, 'float32', [count]);
      const number = (name: string) => input(`policy.${name}`, 'float32', []);
      const [weight, advantage, clip] = [perRow('weight'), perRow('advantage'), number('clip')];
      const ratio = g.exp(g.sub(logprobs, perRow('old')));
      const near = g.min(g.max(ratio, g.sub(1, clip)), g.add(1, clip));
      const [free, bound] = [g.mul(ratio, advantage), g.mul(near, advantage)];
      const distance = g.sub(perRow('reference'), logprobs);
      const kl = g.sub(g.sub(g.exp(distance), distance), 1);
      const losses = g.sub(g.mul(kl, number('klWeight')), g.min(free, bound));
      return {
        loss: total(g.mul(weight, losses)),
        outputs: {
          'policy.kl': total(g.mul(weight, kl)),
          'policy.clipped': total(g.mul(weight, g.cast(g.greater(free, bound), 'float32'))),
        },
      };
    },
  };
}
