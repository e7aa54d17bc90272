"""What tests measure inside the page."""

CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const paint = (grounds) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const ground of grounds) { canvas.fillStyle = ground; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const measured = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest('.unseen, option, noscript, :disabled')) continue;
    const grounds = [];
    for (let up = element; up; up = up.parentElement) grounds.unshift(getComputedStyle(up).backgroundColor);
    const text = luminance(paint([...grounds, getComputedStyle(element).color]));
    const ground = luminance(paint(grounds));
    const ratio = (Math.max(text, ground) + .05) / (Math.min(text, ground) + .05);
    measured.push([Math.round(ratio * 100) / 100, texts.currentNode.data.trim().slice(0, 40)]);
  }
  return measured;
}"""
"""The contrast of each text that is shown, by the formula of WCAG 2.2, with the text."""
FILTERED = """async () => {
  const text = document.querySelector('#text');
  const began = performance.now();
  text.value = 'payments';
  text.dispatchEvent(new Event('input'));
  while (!document.querySelector('#count').textContent.includes('of')) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  const took = performance.now() - began;
  text.value = '';
  text.dispatchEvent(new Event('input'));
  while (document.querySelector('#count').textContent.includes('of')) await new Promise(requestAnimationFrame);
  return took;
}"""
"""Milliseconds from the first letter in the filter until the list is drawn."""
SCROLLED = """async () => {
  const main = document.querySelector('main');
  let slowest = 0;
  let before = performance.now();
  for (let step = 1; step <= 40; step += 1) {
    main.scrollTop = main.scrollHeight * step / 40;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    slowest = Math.max(slowest, now - before);
    before = now;
  }
  return slowest;
}"""
"""Milliseconds of the slowest frame while one scrolls through everything."""
LAID_OUT = """[...document.querySelectorAll('.title')]
  .filter(row => row.checkVisibility({contentVisibilityAuto: true})).length"""
"""How many rows the browser has laid out."""
