/* contrast: the texts of a page that stand out too little from what is behind them: WCAG 2.1, 1.4.3. Runs in the page. */

/* Texts below 4.5 : 1 (3 : 1 when large), as words. Backgrounds are blended from the element outwards; all colours of a
 * gradient count; over a picture or a translucent end of the chain both black and white count. */
export function faintTexts() {
	const parse = (text) => {
		const numbers = text.match(/[\d.]+/g).map(Number);
		return [numbers[0], numbers[1], numbers[2], numbers[3] === undefined ? 1 : numbers[3]];
	};
	const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
	const light = (colour) => {
		const [r, g, b] = colour
			.slice(0, 3)
			.map((v) => v / 255)
			.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (one, other) => {
		const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
		return (high + 0.05) / (low + 0.05);
	};
	/* Layers above the text's ground, the nearest first; each a list of colours that it may have. */
	const layersOf = (element) => {
		const layers = [];
		for (let at = element; at; at = at.parentElement) {
			const style = getComputedStyle(at);
			if (style.backgroundImage.includes("gradient"))
				layers.push(style.backgroundImage.match(/rgba?\([^)]*\)/g).map(parse));
			const colour = parse(style.backgroundColor);
			if (colour[3] > 0) layers.push([colour]);
			if (colour[3] === 1) return layers;
			/* What is laid over others may have anything below it. */
			if (style.position === "absolute" && at.parentElement?.querySelector('[data-picture="yes"]'))
				return [...layers, [[0, 0, 0, 1], [255, 255, 255, 1]]];
		}
		return [...layers, [[255, 255, 255, 1]]];
	};
	const grounds = (layers) =>
		layers.reduceRight(
			(below, layer) =>
				below.length
					? below.flatMap((under) => layer.map((colour) => over(colour, under)))
					: layer.map((colour) => over(colour, [255, 255, 255, 1])),
			[],
		);
	const found = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node = walker.nextNode(); node; node = walker.nextNode()) {
		const element = node.parentElement,
			text = node.textContent.trim();
		if (!text || !element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
		if (element.closest("[aria-hidden=true], [inert], :disabled, .quiet, select")) continue;
		const style = getComputedStyle(element),
			size = parseFloat(style.fontSize);
		const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
		const worst = Math.min(
			...grounds(layersOf(element)).map((ground) => contrast(over(parse(style.color), ground), ground)),
		);
		if (worst < (large ? 3 : 4.5)) found.push(`${worst.toFixed(2)}: "${text}" (${element.className})`);
	}
	return found;
}
