// Show how an answer compares with the truth before the next task, where the project wants that.
(() => {
  const bench = document.getElementById('workbench');
  const box = document.querySelector('[data-feedback]');
  if (!bench || !box) return;
  // What is stored, in the words that the page shows.
  const labels = JSON.parse(document.getElementById('feedback-labels').textContent);
  const worded = (stored) => labels[stored]?.title || stored;
  bench.addEventListener('jinbiao:concluded', (event) => {
    const told = event.detail.answer && event.detail.answer.feedback;
    if (!told) return;
    box.querySelector('[data-feedback-head]').textContent = told.is_passed ? box.dataset.passed : box.dataset.failed;
    box.querySelector('[data-feedback-score]').textContent = `${Math.round(told.score * 100)} %`;
    box.querySelector('[data-feedback-differences]').textContent = told.differences.join(' · ');
    box.querySelector('[data-feedback-differences]').hidden = !told.differences.length;
    const list = box.querySelector('[data-feedback-truth]');
    list.replaceChildren(...told.truth.map((region) => {
      const line = document.createElement('li');
      const value = region.value || {};
      const named = value[region.type] || value.labels || [];
      const words = [].concat(named).flat().map(worded).join(' / ');
      line.textContent = value.text && value.text !== named ? `${words}: ${[].concat(value.text).join(' ')}` : words;
      return line;
    }));
    box.hidden = false;
    const button = box.querySelector('button');
    button.focus();
    event.detail.waitFor(new Promise((go) => {
      button.addEventListener('click', () => { box.hidden = true; go(); }, { once: true });
    }));
  });
})();
