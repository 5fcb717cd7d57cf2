/* What the page sees of the pattern camera: its number, read back from an element's pixels. Runs inside the page. */

/* selector: of a canvas or video. {number} or {why}; red: mean of the red channel, to tell a picture from none. */
export function readPattern(selector) {
	const source = document.querySelector(selector);
	if (!source) return { why: `nothing is ${selector}` };
	const width = source.videoWidth || source.width,
		height = source.videoHeight || source.height;
	const side = (width / 40) & ~1;
	if (side < 4) return { why: `${width}x${height}` };
	const canvas = new OffscreenCanvas(width, height),
		context = canvas.getContext("2d", { willReadFrequently: true });
	context.drawImage(source, 0, 0, width, height);
	const light = (index) => {
		const n = side / 2,
			x = (index % 40) * side + side / 4,
			y = Math.floor(index / 40) * side + side / 4;
		const { data } = context.getImageData(x, y, n, n);
		let sum = 0;
		for (let i = 0; i < data.length; i += 4) sum += data[i + 1];
		return sum / (data.length / 4) > 125;
	};
	const bits = Array.from({ length: 80 }, (_, index) => light(index));
	let crc = 0xffff;
	for (const bit of bits.slice(4, 64)) {
		const flip = Boolean((crc >> 15) & 1) !== bit;
		crc = (crc << 1) & 0xffff;
		if (flip) crc ^= 0x1021;
	}
	const said = bits.slice(64).reduce((value, bit) => value * 2 + Number(bit), 0);
	const marked = [0, 1, 2, 3].every((i) => bits[i] === (i % 2 === 0));
	const { data } = context.getImageData(0, 0, width, height);
	let red = 0;
	for (let i = 0; i < data.length; i += 4) red += data[i];
	red /= data.length / 4;
	if (!marked || crc !== said) return { why: `no mark in ${width}x${height}`, red };
	return {
		number: bits.slice(4, 36).reduce((value, bit) => value * 2 + Number(bit), 0),
		width,
		height,
		red,
	};
}
