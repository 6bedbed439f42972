// The page's script: which repository is looked at, dark or light, and the list of single asks. Everything that comes
// from a history is set as text, never as markup.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const { texts } = data;
  const fill = (text, ...values) => text.replace(/\{(\d)\}/g, (_, n) => values[n]);
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // In the editor the theme is the editor's.
  const theme = document.getElementById('theme');
  if (!document.body.className.includes('vscode')) {
    theme.hidden = false;
    theme.addEventListener('click', () => {
      const root = document.documentElement;
      const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
      root.dataset.theme = dark ? 'light' : 'dark';
    });
  }

  const pick = document.getElementById('view');
  const views = [...document.querySelectorAll('.view')];
  const showView = () => {
    for (const view of views) view.hidden = pick !== null && view.dataset.view !== pick.value;
  };
  pick?.addEventListener('change', showView);
  showView();

  const form = document.getElementById('filters');
  if (form === null) return;
  const list = document.getElementById('list');
  const ask = document.getElementById('ask');
  const STEP = 200;
  let found = [];
  let drawn = 0;
  let selected = -1;

  const choice = (name, label, options) => {
    const select = make('select', { name });
    for (const [value, words] of options) select.append(make('option', { value, textContent: words }));
    form.append(make('label', {}, label, select));
    return select;
  };
  const all = ['', texts.all];
  const source =
    data.sources.length > 1 ? choice('source', texts.repository, [all, ...data.sources.map((s, i) => [String(i), s])]) : null;
  const arm = choice('arm', texts.arm, data.arms.map((name, i) => [String(i), name]));
  const point = choice('point', texts.asked, [
    all,
    ['arrival', texts.onArrival],
    ['typing', texts.whileTyping],
    ['far', texts.far],
    ['rest', texts.atRest],
  ]);
  const fate = choice('fate', texts.whatBecame, [all, ...Object.entries(data.fates)]);
  const outcome = choice('outcome', texts.answer, [
    all,
    ['right', texts.right],
    ['partly', texts.partly],
    ['wrong', texts.wrong],
    ['none', texts.none],
  ]);
  const search = make('input', { type: 'search', name: 'search', placeholder: texts.pathOrText, ariaLabel: texts.search });
  form.append(make('label', {}, texts.search, search));
  const count = make('output');
  form.append(count);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', () => filter());

  const fateOf = (moment) => moment.answers[arm.value]?.fate ?? 'silent';
  const textOf = (moment) =>
    [moment.path, moment.truth?.added, ...moment.answers.map((a) => a?.change.added)].join('\n').toLowerCase();

  function filter() {
    const words = search.value.trim().toLowerCase();
    found = data.moments.filter((moment) => {
      const answer = moment.answers[arm.value];
      return (
        (!source?.value || String(moment.source) === source.value) &&
        (!point.value || moment.point === point.value) &&
        (!fate.value || fateOf(moment) === fate.value) &&
        (!outcome.value || (answer ? answer.outcome : 'none') === outcome.value) &&
        (words === '' || textOf(moment).includes(words))
      );
    });
    count.value = fill(texts.count, found.length, data.moments.length);
    list.replaceChildren();
    drawn = 0;
    selected = -1;
    draw();
    if (found.length > 0) select(0, false);
    else ask.replaceChildren(make('p', { className: 'nothing', textContent: texts.nothingFits }));
  }

  function draw() {
    list.querySelector('.more')?.remove();
    for (const end = Math.min(found.length, drawn + STEP); drawn < end; drawn++) {
      const moment = found[drawn];
      const answer = moment.answers[arm.value];
      const row = make(
        'div',
        { className: 'row', role: 'option', id: `row${drawn}`, ariaSelected: 'false' },
        make('i', { className: `swatch ${fateOf(moment)}`, title: data.fates[fateOf(moment)] }),
        make('span', { className: 'where', textContent: `\u200e${moment.path}:${moment.line}\u200e` }),
        make('span', { className: 'point', textContent: data.points[moment.point] }),
        make('span', { className: 'what', textContent: answer ? summary(answer.change) : '·' }),
      );
      const index = drawn;
      row.addEventListener('click', () => select(index, false));
      list.append(row);
    }
    if (drawn >= found.length) return;
    const more = make('button', { className: 'more', type: 'button', textContent: fill(texts.more, found.length - drawn) });
    more.addEventListener('click', draw);
    list.append(more);
  }

  const summary = ({ removed, added }) => {
    const { head, tail } = ends(removed, added);
    const middle = added.slice(head, added.length - tail).trim();
    if (middle.length > 3) return middle.split('\n')[0];
    // Little alone says nothing: the line that it stands in.
    const from = added.lastIndexOf('\n', head - 1) + 1;
    const line = added.slice(from).trimStart().split('\n')[0];
    return line || `− ${removed.slice(head, removed.length - tail).trim()}`;
  };

  function select(index, scroll = true) {
    if (index < 0 || index >= found.length) return;
    while (index >= drawn) draw();
    document.getElementById(`row${selected}`)?.setAttribute('aria-selected', 'false');
    selected = index;
    const row = document.getElementById(`row${index}`);
    row.setAttribute('aria-selected', 'true');
    list.setAttribute('aria-activedescendant', row.id);
    if (scroll) row.scrollIntoView({ block: 'nearest' });
    show(found[index]);
  }

  function show(moment) {
    const answers = moment.answers.map((answer, i) => answerOf(answer, i));
    const truth =
      moment.truth === null
        ? make('p', { className: 'meta', textContent: texts.done })
        : change(moment.truth);
    ask.replaceChildren(
      make('h3', { textContent: `${moment.path}:${moment.line}` }),
      make('p', {
        className: 'meta',
        textContent: [data.sources.length > 1 ? data.sources[moment.source] : '', data.points[moment.point], moment.id].filter(Boolean).join(' · '),
      }),
      context(moment),
      section(texts.typedNext, [], truth),
      ...answers,
    );
    ask.scrollTop = 0;
  }

  const section = (name, notes, body, color = '') =>
    make(
      'div',
      { className: 'answer' },
      make('h4', {}, ...(color ? [make('i', { className: `key ${color}` })] : []), name, ...notes),
      body,
    );

  function answerOf(answer, i) {
    const color = `c${i % 6}`;
    if (answer === null) {
      return section(data.arms[i], [make('span', { textContent: texts.noAnswer })], '', color);
    }
    const notes = [
      make('span', { className: `badge ${answer.outcome}`, textContent: texts[answer.outcome] }),
      make('span', { textContent: data.fates[answer.fate] }),
      make('span', { textContent: fill(texts.confidence, answer.confidence.toFixed(2)) }),
    ];
    if (answer.newErrors > 0) notes.push(make('span', { textContent: fill(texts.breaks, answer.newErrors) }));
    if (answer.newErrors < 0) notes.push(make('span', { textContent: fill(texts.mends, -answer.newErrors) }));
    return section(data.arms[i], notes, change(answer.change), color);
  }

  const line = (number, className, ...content) =>
    make('div', { className }, make('i', { textContent: number }), make('pre', {}, ...content));

  function context({ above, left, right, below, line: at }) {
    const before = at === 1 ? [] : above.split('\n');
    const after = below === '' ? [] : below.split('\n');
    return make(
      'div',
      { className: 'code' },
      ...before.map((text, i) => line(at - before.length + i, '', text)),
      line(at, 'here', left, make('span', { className: 'caret' }), right),
      ...after.map((text, i) => line(at + 1 + i, '', text)),
    );
  }

  /** How many leading and trailing characters two texts share. */
  function ends(a, b) {
    let head = 0;
    while (head < a.length && head < b.length && a[head] === b[head]) head++;
    let tail = 0;
    while (tail < Math.min(a.length, b.length) - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
    return { head, tail };
  }

  function change({ removed, added, line: first }) {
    const { head, tail } = ends(removed, added);
    const side = (text, className) => {
      const rows = [];
      let at = 0;
      for (const [i, row] of text.split('\n').entries()) {
        const from = Math.max(0, Math.min(row.length, head - at));
        const to = Math.max(from, Math.min(row.length, text.length - tail - at));
        const marked = to > from ? [make('b', { textContent: row.slice(from, to) })] : [];
        rows.push(line(first + i, className, row.slice(0, from), ...marked, row.slice(to)));
        at += row.length + 1;
      }
      return rows;
    };
    // A line of nothing that gives way to text is no line that goes.
    const gone = removed === '' || (removed.length === head + tail && !removed.includes('\n')) ? [] : side(removed, 'gone');
    return make('div', { className: 'code' }, ...gone, ...(added === '' ? [] : side(added, 'come')));
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === '/' && !typing) {
      event.preventDefault();
      search.focus();
    } else if (event.key === 'Escape' && event.target === search) {
      list.focus();
    } else if (!typing) {
      const inList = event.target === list;
      const move =
        event.key === 'j' || (inList && event.key === 'ArrowDown')
          ? selected + 1
          : event.key === 'k' || (inList && event.key === 'ArrowUp')
            ? selected - 1
            : inList && event.key === 'Home'
              ? 0
              : inList && event.key === 'End'
                ? found.length - 1
                : null;
      if (move === null) return;
      event.preventDefault();
      select(move);
    }
  });
  filter();
})();
