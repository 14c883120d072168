// The compact form of a series: differences in the place of times and values. `src/web/api/compact.rs` writes it.

// The same series with lists of times and values, as the plain form has them.
export function unpack({ at, columns, ...series }) {
  return { ...series, at_us: times(at), columns: columns.map(({ name, ...packed }) => ({ name, values: values(packed) })) };
}

function times({ first_us, step_us, off_us }) {
  if (first_us === null) return [];
  let last = first_us;
  return [first_us, ...off_us.map((off) => (last += step_us + off))];
}

// Integers of a scale, each told by its difference from the one two before it.
function values({ decimals, steps, values: plain }) {
  if (plain) return plain;
  const power = 10 ** decimals;
  let [before, last] = [0, 0];
  return steps.map((step) => {
    if (step === null) return null;
    [before, last] = [last, before + step];
    return last / power;
  });
}
